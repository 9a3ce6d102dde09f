//! What a warm function remembers: what it told, so that a repetition is not told again.
//!
//! Nothing depends on it but how often people are told. After a cold start it is empty: then a message whose delivery
//! is tried again goes to every channel once more, an alarm may be repeated, and one that is over does not say for how
//! long it lasted. Never does it keep anything from being told for the first time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::notice::{Alarm, Notice, State};

/// How many messages are remembered by their ids. Lambda tries a call again within minutes.
const REMEMBERED: usize = 1000;

/// How many changes of one alarm are told within the quiet time.
const CHANGES: usize = 4;

/// What to do with a notice for a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Tell,
    /// Tell, and that no further change is told before this time (epoch microseconds).
    TellLast(i64),
    /// It has been told.
    Told,
    /// An alarm that was made just now, and is not on.
    New,
    /// It changes too often.
    Quiet,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Of one channel.
    told: HashSet<String>,
    oldest_first: VecDeque<String>,
    alarms: HashMap<String, Told>,
}

#[derive(Debug)]
struct Told {
    state: State,
    /// When, in epoch microseconds; the newest last.
    times: VecDeque<i64>,
}

impl Memory {
    pub(crate) fn say(&self, notice: &Notice, now: i64, quiet: Duration) -> Say {
        if self.told.contains(notice.id()) {
            return Say::Told;
        }
        let Notice::Alarm(alarm) = notice else { return Say::Tell };
        let told = self.alarms.get(&key(alarm));
        // Our alarms take missing data for good or bad, so none is without data but before its first look.
        let begins = (alarm.was, alarm.state) == (Some(State::InsufficientData), State::Ok);
        if begins && told.is_none_or(|told| told.state == State::Ok) {
            return Say::New;
        }
        let Some(told) = told else { return Say::Tell };
        let quiet = i64::try_from(quiet.as_micros()).unwrap_or(i64::MAX);
        let recent = told.times.iter().filter(|time| now - **time < quiet).count();
        if recent == 0 {
            return Say::Tell;
        }
        if told.state == alarm.state {
            return Say::Told;
        }
        match (recent + 1).cmp(&CHANGES) {
            std::cmp::Ordering::Less => Say::Tell,
            std::cmp::Ordering::Equal => {
                let oldest = told.times.iter().find(|time| now - **time < quiet).copied().unwrap_or(now);
                Say::TellLast(oldest.saturating_add(quiet))
            }
            std::cmp::Ordering::Greater => Say::Quiet,
        }
    }

    /// The channel has got it.
    pub(crate) fn remember(&mut self, notice: &Notice, now: i64) {
        if self.told.insert(notice.id().to_owned()) {
            self.oldest_first.push_back(notice.id().to_owned());
        }
        if REMEMBERED < self.oldest_first.len()
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.told.remove(&oldest);
        }
        if let Notice::Alarm(alarm) = notice {
            let told =
                self.alarms.entry(key(alarm)).or_insert_with(|| Told { state: alarm.state, times: VecDeque::new() });
            told.state = alarm.state;
            told.times.push_back(now);
            while CHANGES < told.times.len() {
                told.times.pop_front();
            }
        }
    }
}

/// Since when which alarms are on.
#[derive(Debug, Default)]
pub(crate) struct InAlarm(HashMap<String, Timestamp>);

impl InAlarm {
    /// Notes when an alarm went off, and adds to one that is over how long it lasted.
    pub(crate) fn follow(&mut self, notice: &mut Notice) {
        let Notice::Alarm(alarm) = notice else { return };
        let Some(since) = alarm.since else { return };
        match alarm.state {
            State::Alarm => {
                self.0.insert(key(alarm), since);
            }
            // It stays, so that a repetition says the same.
            State::Ok => {
                let began = self.0.get(&key(alarm)).filter(|began| **began <= since);
                alarm.was_in_alarm_secs = began.map(|began| since.duration_since(*began).as_secs());
            }
            State::InsufficientData => {}
        }
    }
}

/// One alarm of one account and region.
fn key(alarm: &Alarm) -> String {
    format!("{}/{}/{}", alarm.account, alarm.region, alarm.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const QUIET: Duration = Duration::from_secs(15 * 60);

    fn alarm(id: &str, state: State) -> Notice {
        Notice::Alarm(Box::new(Alarm { id: id.to_owned(), name: "lag".to_owned(), state, ..Alarm::default() }))
    }

    /// Tells alarms (minute, id, state) of one name and expects what is said to each.
    fn check(alarms: &[(i64, &str, State, Say)]) {
        let mut memory = Memory::default();
        for (minute, id, state, expect) in alarms {
            let (notice, now) = (alarm(id, *state), minute * MINUTE);
            let say = memory.say(&notice, now, QUIET);
            assert_eq!(say, *expect, "{id} in minute {minute}");
            if matches!(say, Say::Tell | Say::TellLast(_)) {
                memory.remember(&notice, now);
            }
        }
    }

    #[test]
    fn a_message_is_told_once() {
        check(&[(0, "a", State::Alarm, Say::Tell), (60, "a", State::Alarm, Say::Told)]);
    }

    #[test]
    fn an_alarm_is_repeated_only_after_the_quiet_time() {
        check(&[
            (0, "a", State::Alarm, Say::Tell),
            (14, "b", State::Alarm, Say::Told),
            (15, "c", State::Alarm, Say::Tell),
            (16, "d", State::Ok, Say::Tell),
        ]);
    }

    #[test]
    fn of_an_alarm_that_keeps_changing_four_changes_are_told_and_the_last_says_so() {
        check(&[
            (0, "a", State::Alarm, Say::Tell),
            (1, "b", State::Ok, Say::Tell),
            (2, "c", State::Alarm, Say::Tell),
            (3, "d", State::Ok, Say::TellLast(15 * MINUTE)),
            (4, "e", State::Alarm, Say::Quiet),
            (15, "f", State::Alarm, Say::TellLast(16 * MINUTE)),
            (40, "g", State::Ok, Say::Tell),
        ]);
    }

    #[test]
    fn an_alarm_that_is_new_and_not_on_is_not_told() {
        let Notice::Alarm(mut new) = alarm("a", State::Ok) else { unreachable!() };
        new.was = Some(State::InsufficientData);
        let new = Notice::Alarm(new);
        let mut memory = Memory::default();
        assert_eq!(memory.say(&new, 0, QUIET), Say::New);
        memory.remember(&alarm("b", State::Alarm), 0);
        assert_eq!(memory.say(&new, MINUTE, QUIET), Say::Tell, "it was on before its data were missing");
        memory.remember(&new, MINUTE);
        assert_eq!(memory.say(&alarm("c", State::Ok), 60 * MINUTE, QUIET), Say::Tell);
    }

    #[test]
    fn one_that_is_over_says_how_long_it_lasted_where_that_is_known() {
        let mut in_alarm = InAlarm::default();
        let mut follow = |state: State, second: i64| {
            let since = Some(Timestamp::from_second(second).unwrap());
            let mut notice = Notice::Alarm(Box::new(Alarm { state, since, ..Alarm::default() }));
            in_alarm.follow(&mut notice);
            let Notice::Alarm(alarm) = notice else { unreachable!() };
            alarm.was_in_alarm_secs
        };
        assert_eq!(follow(State::Ok, 50), None);
        assert_eq!(follow(State::Alarm, 100), None);
        assert_eq!(follow(State::Ok, 160), Some(60));
        assert_eq!(follow(State::Ok, 160), Some(60), "a repetition says the same");
        assert_eq!(follow(State::Ok, 90), None, "one that is older");
    }
}
