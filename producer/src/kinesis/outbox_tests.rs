use proptest::prelude::*;

use super::*;

const SHARD: &str = "shardId-000000000000";

fn entry(number: u64, key: &str) -> Entry {
    Entry::new(number, Group::Key(key.to_owned()), key.to_owned(), b"{}".to_vec())
}

fn outbox(entries: impl IntoIterator<Item = Entry>) -> Outbox {
    let mut outbox = Outbox::new(7);
    entries.into_iter().for_each(|entry| outbox.push(entry));
    outbox
}

fn numbers(request: &[Entry]) -> Vec<u64> {
    request.iter().map(|entry| entry.number).collect()
}

fn written(sequence_number: u64) -> Written {
    Written { shard: SHARD.to_owned(), sequence_number: Position::from_offset(sequence_number) }
}

fn all_written(request: &[Entry]) -> Answer {
    Answer::Each(request.iter().map(|entry| Ok(written(entry.number))).collect())
}

#[test]
fn of_each_key_one_record_is_under_way() {
    let now = Instant::now();
    let mut outbox = outbox([entry(0, "a"), entry(1, "a"), entry(2, "b"), entry(3, "a")]);
    let request = outbox.take(now).unwrap();
    assert_eq!(numbers(&request), [0, 2]);
    assert_eq!(outbox.take(now), None);
    let answer = all_written(&request);
    outbox.settle(request, answer, now);
    assert_eq!(numbers(&outbox.take(now).unwrap()), [1]);
}

#[test]
fn records_that_no_order_binds_go_together() {
    let alone = |number| Entry::new(number, Group::Alone(number), "a".to_owned(), vec![]);
    assert_eq!(numbers(&outbox((0..4).map(alone)).take(Instant::now()).unwrap()), [0, 1, 2, 3]);
}

#[test]
fn a_request_ends_at_500_records_and_at_5_mib() {
    let now = Instant::now();
    let mut many = outbox((0..1001).map(|number| entry(number, &number.to_string())));
    assert_eq!(many.take(now).unwrap().len(), 500);
    assert_eq!(many.take(now).unwrap().len(), 500);
    // One is left, and waits for company.
    assert_eq!(many.take(now), None);

    let large = |number| Entry::new(number, Group::Alone(number), "k".to_owned(), vec![b'x'; (1 << 20) - 1]);
    assert_eq!(outbox((0..6).map(large)).take(now).unwrap().len(), 5);
}

#[test]
fn only_so_many_requests_are_under_way() {
    let now = Instant::now();
    let mut outbox = outbox((0..10_000).map(|number| entry(number, &number.to_string())));
    let requests: Vec<_> = std::iter::from_fn(|| outbox.take(now)).collect();
    assert_eq!(requests.len(), REQUESTS_AT_ONCE);
}

#[test]
fn the_source_waits_while_the_outbox_is_full() {
    let mut outbox = outbox((0..WAITING_RECORDS as u64 - 1).map(|number| entry(number, "a")));
    assert!(outbox.has_room());
    outbox.push(entry(WAITING_RECORDS as u64, "a"));
    assert!(!outbox.has_room());
    outbox.take(Instant::now()).unwrap();
    assert!(outbox.has_room());
}

#[test]
fn what_was_refused_goes_first_after_a_pause() {
    let now = Instant::now();
    let mut outbox = outbox(["a", "b", "c", "a", "d"].into_iter().zip(0..).map(|(key, number)| entry(number, key)));
    let request = outbox.take(now).unwrap();
    assert_eq!(numbers(&request), [0, 1, 2, 4]);
    let refused = || Err("ProvisionedThroughputExceededException".to_owned());
    outbox.settle(request, Answer::Each(vec![refused(), Ok(written(1)), refused(), Ok(written(4))]), now);
    assert_eq!(outbox.take(now), None);
    let end = outbox.pause_ends(now).unwrap();
    assert!(now + FIRST_PAUSE / 2 <= end && end <= now + FIRST_PAUSE);
    assert_eq!(numbers(&outbox.take(end).unwrap()), [0, 2]);
}

#[test]
fn pauses_grow_while_nothing_is_taken_up_to_five_seconds() {
    let mut now = Instant::now();
    let mut outbox = outbox([entry(0, "a"), entry(1, "a")]);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let request = outbox.take(now).unwrap();
        outbox.settle(request, Answer::Refused("throttled".to_owned()), now);
        let end = outbox.pause_ends(now).unwrap();
        pauses.push(end - now);
        now = end;
    }
    for (pause, longest) in pauses.iter().zip([100, 200, 400, 800, 1600, 3200, 5000, 5000].map(Duration::from_millis)) {
        assert!(longest / 2 <= *pause && *pause <= longest, "{pauses:?}");
    }
    let request = outbox.take(now).unwrap();
    let answer = all_written(&request);
    outbox.settle(request, answer, now);
    let request = outbox.take(now).unwrap();
    outbox.settle(request, Answer::Refused("throttled".to_owned()), now);
    assert!(outbox.pause_ends(now).unwrap() <= now + FIRST_PAUSE);
}

#[test]
fn requests_that_are_refused_together_make_one_pause() {
    let now = Instant::now();
    let mut outbox = outbox((0..1000).map(|number| entry(number, &number.to_string())));
    for request in [outbox.take(now).unwrap(), outbox.take(now).unwrap()] {
        outbox.settle(request, Answer::Refused("throttled".to_owned()), now);
    }
    assert!(outbox.pause_ends(now).unwrap() <= now + FIRST_PAUSE);
}

#[test]
fn it_gives_up_after_a_minute_in_which_nothing_was_taken() {
    let began = Instant::now();
    let mut now = began;
    let mut outbox = outbox([entry(5, "a"), entry(6, "a")]);
    while let Some(request) = outbox.take(now) {
        outbox.settle(request, Answer::Unknown("no answer".to_owned()), now);
        now = outbox.pause_ends(now).unwrap_or(now);
    }
    assert!(began + PATIENCE <= now && now <= began + PATIENCE + LONGEST_PAUSE);
    assert!(outbox.is_done());
    let failure = outbox.deliveries().first_failure.unwrap();
    assert_eq!(failure.number, 5);
    assert_eq!(failure.reason, "gave up after 60 s in which nothing was taken: no answer");
}

#[test]
fn after_an_end_what_is_under_way_is_still_counted() {
    let now = Instant::now();
    let mut outbox = outbox((0..1500).map(|number| entry(number, &number.to_string())));
    let [first, second] = [outbox.take(now).unwrap(), outbox.take(now).unwrap()];
    outbox.settle(first, Answer::Fatal("the stream is gone".to_owned()), now);
    assert!(!outbox.is_done());
    assert_eq!(outbox.take(now), None);
    let answer = all_written(&second);
    outbox.settle(second, answer, now);
    assert!(outbox.is_done());
    assert_eq!((outbox.end(), outbox.deliveries().acknowledged), (Some("the stream is gone"), 500));
}

#[test]
fn what_is_sent_again_without_an_answer_may_be_doubled() {
    let mut now = Instant::now();
    let mut outbox = outbox([entry(0, "a"), entry(1, "b")]);
    for _ in 0..2 {
        let request = outbox.take(now).unwrap();
        outbox.settle(request, Answer::Unknown("no answer".to_owned()), now);
        now = outbox.pause_ends(now).unwrap();
    }
    let request = outbox.take(now).unwrap();
    let answer = all_written(&request);
    outbox.settle(request, answer, now);
    let deliveries = outbox.deliveries();
    assert_eq!((deliveries.acknowledged, deliveries.may_be_doubled), (2, 4));
}

/// What is drawn when nothing is left to draw: a request is then written as it came.
const ALL_IS_WELL: u64 = 7;

/// A stream that does to a request whatever Kinesis may do.
#[derive(Default)]
struct Hostile {
    /// Key and number of each record, in the order in which they were written.
    log: Vec<(String, u64)>,
    draws: Vec<u64>,
}

impl Hostile {
    fn draw(&mut self, bound: u64) -> u64 {
        self.draws.pop().unwrap_or(ALL_IS_WELL) % bound
    }

    fn write(&mut self, entry: &Entry) -> Written {
        self.log.push((entry.key.clone(), entry.number));
        // The stream is split in two all the time.
        let shard = format!("shardId-{}", self.log.len() / 10);
        Written { shard, sequence_number: Position::from_offset(self.log.len() as u64) }
    }

    fn answer(&mut self, request: &[Entry]) -> Answer {
        match self.draw(8) {
            0 => Answer::Refused("throttled".to_owned()),
            1 => {
                for entry in request {
                    if self.draw(2) == 0 {
                        self.write(entry);
                    }
                }
                Answer::Unknown("lost".to_owned())
            }
            2 | 3 => {
                let each = |entry| if self.draw(2) == 0 { Ok(self.write(entry)) } else { Err("refused".to_owned()) };
                Answer::Each(request.iter().map(each).collect())
            }
            _ => Answer::Each(request.iter().map(|entry| Ok(self.write(entry))).collect()),
        }
    }
}

proptest! {
    /// Whatever becomes of requests, and in whatever order: each key keeps its order, and in is out.
    #[test]
    fn each_key_keeps_its_order_and_in_is_out(keys in prop::collection::vec(0_u8..9, 1..60), draws: Vec<u64>) {
        let mut stream = Hostile { draws, ..Hostile::default() };
        let mut outbox = Outbox::new(7);
        let mut entries = keys.iter().zip(0..).map(|(key, number)| entry(number, &key.to_string()));
        let (mut under_way, mut now) = (VecDeque::new(), Instant::now());
        loop {
            let next = entries.next();
            let is_last = next.is_none();
            next.into_iter().for_each(|entry| outbox.push(entry));
            // Never alone in a request, so that several are under way.
            let requests = outbox.requests;
            if stream.draw(2) == 0 {
                outbox.requests = 0;
            }
            let request = outbox.take(now);
            outbox.requests = requests + usize::from(request.is_some());
            under_way.extend(request);
            if stream.draw(2) == 0 || is_last {
                let at = usize::try_from(stream.draw(3)).unwrap().min(under_way.len().saturating_sub(1));
                if let Some(request) = under_way.remove(at) {
                    let answer = stream.answer(&request);
                    outbox.settle(request, answer, now);
                }
            }
            now = outbox.pause_ends(now).unwrap_or(now);
            if is_last && outbox.is_done() {
                break;
            }
        }
        let deliveries = outbox.deliveries();
        let mut seen = HashMap::<&str, u64>::new();
        for (key, number) in &stream.log {
            let newest = seen.entry(key).or_insert(*number);
            prop_assert!(*newest <= *number, "{number} after {newest} of {key}: {:?}", stream.log);
            *newest = *number;
        }
        let mut distinct: Vec<u64> = stream.log.iter().map(|(_, number)| *number).collect();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct, (0..keys.len() as u64).collect::<Vec<_>>());
        prop_assert_eq!(deliveries.acknowledged, keys.len() as u64);
        prop_assert_eq!(deliveries.shards.iter().map(|shard| shard.acknowledged).sum::<u64>(), keys.len() as u64);
        prop_assert!(stream.log.len() as u64 <= deliveries.acknowledged + deliveries.may_be_doubled);
    }
}
