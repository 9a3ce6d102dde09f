//! Makes a failing schedule short: leaves out whatever it fails without, joins steps, and halves what is left.

use std::time::Duration;

use super::{Action, Case, MakeStore};

/// The shortest schedule found that still fails. It need not fail in the same way: the first failure is the story.
#[must_use]
pub fn shrink(case: &Case, store: MakeStore) -> Case {
    let fails = |actions: &[Action]| {
        let case = Case { setting: case.setting.clone(), actions: actions.to_vec() };
        !case.run(store).findings.is_empty()
    };
    let mut actions = case.actions.clone();
    loop {
        let before = actions.clone();
        leave_out(&mut actions, &fails);
        join_steps(&mut actions, &fails);
        make_smaller(&mut actions, &fails);
        if actions == before {
            return Case { setting: case.setting.clone(), actions };
        }
    }
}

/// Leaves out halves, quarters, and so on down to single actions.
fn leave_out(actions: &mut Vec<Action>, fails: &impl Fn(&[Action]) -> bool) {
    let mut length = actions.len().div_ceil(2);
    while 0 < length {
        let mut start = 0;
        while start < actions.len() {
            let end = (start + length).min(actions.len());
            let shorter = [&actions[..start], &actions[end..]].concat();
            if fails(&shorter) {
                *actions = shorter;
            } else {
                start = end;
            }
        }
        length /= 2;
    }
}

/// Lets an invocation get its steps on at once that it got in two goes.
fn join_steps(actions: &mut Vec<Action>, fails: &impl Fn(&[Action]) -> bool) {
    let mut index = 1;
    while index < actions.len() {
        if let Some(joined) = joined(&actions[index - 1], &actions[index]) {
            let shorter = [&actions[..index - 1], &[joined], &actions[index + 1..]].concat();
            if fails(&shorter) {
                *actions = shorter;
                continue;
            }
        }
        index += 1;
    }
}

fn joined(first: &Action, second: &Action) -> Option<Action> {
    match (first, second) {
        (Action::Run { id, waits, order }, Action::Run { id: same, waits: more, .. }) if id == same => {
            Some(Action::Run { id: *id, waits: waits + more, order: *order })
        }
        _ => None,
    }
}

fn make_smaller(actions: &mut [Action], fails: &impl Fn(&[Action]) -> bool) {
    for index in 0..actions.len() {
        for smaller in smaller(&actions[index]) {
            let before = std::mem::replace(&mut actions[index], smaller);
            if !fails(actions) {
                actions[index] = before;
            }
        }
    }
}

/// The same action with less in it.
fn smaller(action: &Action) -> Vec<Action> {
    match action {
        Action::Produce { partition, kinds } if 1 < kinds.len() => {
            let without = |index: usize| [&kinds[..index], &kinds[index + 1..]].concat();
            (0..kinds.len()).map(|index| Action::Produce { partition: *partition, kinds: without(index) }).collect()
        }
        Action::Run { id, waits, order } if 1 < *waits => {
            let run = |waits: u16, order: u64| Action::Run { id: *id, waits, order };
            vec![run(*waits, 0), run(waits / 2, *order), run(waits - 1, *order)]
        }
        Action::Wait(duration) if Duration::from_secs(1) < *duration => vec![Action::Wait(*duration / 2)],
        _ => Vec::new(),
    }
}
