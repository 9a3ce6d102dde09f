use std::sync::Arc;

use futures::FutureExt;

use super::*;

fn value(bytes: usize) -> NewRecord {
    NewRecord { value: Some(Bytes::from(vec![7; bytes])), ..NewRecord::default() }
}

/// Everything that `next` hands out without waiting, in short words.
fn events(log: &MemoryLog) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(event) = log.next().now_or_never() {
        match event.unwrap() {
            LogEvent::Records(records) => {
                let offsets: Vec<_> = records.iter().map(|record| record.offset).collect();
                said.push(format!("{}: {offsets:?}", records[0].partition));
            }
            LogEvent::CaughtUp(partition) => said.push(format!("{partition}: caught up")),
            LogEvent::Closed => {
                said.push("closed".to_owned());
                break;
            }
            event => said.push(format!("{event:?}")),
        }
    }
    said
}

async fn filled(counts: &[usize]) -> MemoryLog {
    let log = MemoryLog::new(counts.len(), 1 << 20);
    for (partition, &count) in counts.iter().enumerate() {
        for _ in 0..count {
            log.append(partition, value(10)).await.unwrap();
        }
    }
    log
}

#[tokio::test]
async fn hands_out_each_record_once_and_then_waits() {
    let log = filled(&[2, 0]).await;
    assert_eq!(log.join().await, Ok(BTreeMap::from([(0, 2), (1, 0)])));
    assert_eq!(events(&log), ["Assigned([0, 1])", "0: [0, 1]", "1: caught up", "0: caught up"]);
    log.append(1, value(1)).await.unwrap();
    assert_eq!(events(&log), ["1: [0]"]);
    log.close();
    assert_eq!(events(&log), ["closed"]);
}

#[tokio::test]
async fn a_new_reader_begins_at_what_is_committed() {
    let log = filled(&[3]).await;
    log.join().await.unwrap();
    assert_eq!(events(&log), ["Assigned([0])", "0: [0, 1, 2]", "0: caught up"]);
    log.commit(&[(0, 2)]).await.unwrap();
    assert_eq!(log.committed(), [2]);
    assert_eq!(log.join().await, Ok(BTreeMap::from([(0, 3)])));
    assert_eq!(events(&log), ["Assigned([0])", "0: [2]", "0: caught up"]);
}

#[tokio::test]
async fn a_commit_goes_neither_back_nor_beyond_what_was_read() {
    let log = filled(&[3]).await;
    log.join().await.unwrap();
    log.commit(&[(0, 3)]).await.unwrap();
    assert_eq!(log.committed(), [0]);
    events(&log);
    log.commit(&[(0, 2)]).await.unwrap();
    log.commit(&[(0, 1)]).await.unwrap();
    assert_eq!(log.committed(), [2]);
    assert_eq!(log.commit(&[(7, 1)]).await, Err(LogError::NotAssigned(7)));
}

#[tokio::test]
async fn a_paused_partition_holds_back_only_itself() {
    let log = filled(&[1, 1]).await;
    log.join().await.unwrap();
    log.pause(0).unwrap();
    log.close();
    assert_eq!(events(&log), ["Assigned([0, 1])", "1: [0]", "1: caught up"]);
    log.resume(0).unwrap();
    assert_eq!(events(&log), ["0: [0]", "0: caught up", "closed"]);
}

#[tokio::test]
async fn partitions_take_turns() {
    let log = filled(&[MAX_READ + 1, 1]).await;
    log.join().await.unwrap();
    let order: Vec<_> = events(&log).into_iter().map(|said| said[..2].to_owned()).collect();
    assert_eq!(order, ["As", "0:", "1:", "0:", "1:", "0:"]);
}

#[tokio::test]
async fn whoever_appends_waits_until_there_is_room() {
    let log = Arc::new(MemoryLog::new(1, 3 * (100 + RECORD_OVERHEAD_BYTES)));
    for _ in 0..3 {
        log.append(0, value(100)).await.unwrap();
    }
    let mut fourth = Box::pin(log.append(0, value(100)));
    assert_eq!(fourth.as_mut().now_or_never(), None);
    log.join().await.unwrap();
    events(&log);
    assert_eq!(fourth.as_mut().now_or_never(), None, "what is read is not yet committed");
    log.commit(&[(0, 1)]).await.unwrap();
    assert_eq!(fourth.await, Ok(3));
}

#[tokio::test]
async fn a_record_larger_than_the_bound_goes_into_an_empty_log() {
    let log = MemoryLog::new(1, 1_000);
    assert_eq!(log.append(0, value(5_000)).await, Ok(0));
    assert_eq!(log.append(0, value(1)).now_or_never(), None);
    log.join().await.unwrap();
    events(&log);
    log.commit(&[(0, 1)]).await.unwrap();
    assert_eq!(log.append(0, value(1)).await, Ok(1));
}

#[tokio::test]
async fn a_closed_log_takes_nothing_even_from_those_who_wait() {
    let log = MemoryLog::new(1, 1_000);
    log.append(0, value(1_000)).await.unwrap();
    let mut waiting = Box::pin(log.append(0, value(1)));
    assert_eq!(waiting.as_mut().now_or_never(), None);
    log.close();
    assert_eq!(waiting.await, Err(LogClosed));
    assert_eq!(log.append(0, value(1)).await, Err(LogClosed));
}
