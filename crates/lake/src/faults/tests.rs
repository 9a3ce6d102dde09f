use super::*;
use crate::MemoryStore;

fn faulty() -> (Arc<dyn Store>, Faulty) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let faulty = Faulty::new(Arc::clone(&store));
    (store, faulty)
}

/// Writes `keys` one after the other: what each writer heard (`+` created, `=` exists, `-` error), and what is there.
async fn check(faults: Vec<Fault>, keys: &[&str], heard: &str, there: &[&str]) {
    let (store, faulty) = faulty();
    let scripted = format!("{faults:?}");
    faults.into_iter().for_each(|fault| faulty.script(fault));
    let mut answers = String::new();
    for key in keys {
        answers.push(match faulty.put_new(key, Bytes::new()).await {
            Ok(Put::Created) => '+',
            Ok(Put::Exists) => '=',
            Err(_) => '-',
        });
    }
    let listed: Vec<_> = store.list_after("", None, 100).await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(answers, heard, "{scripted}");
    assert_eq!(listed, there, "{scripted}");
}

#[tokio::test]
async fn a_fault_strikes_where_it_was_told_to() {
    use Answer::{Conflict, Die, DieAfter, ReplyLost, Unavailable};
    let all = ["a", "b", "c"];
    check(vec![], &all, "+++", &all).await;
    check(vec![Fault::new(Unavailable)], &all, "---", &[]).await;
    check(vec![Fault::new(Unavailable).times(1)], &all, "-++", &["b", "c"]).await;
    check(vec![Fault::new(Unavailable).skip(1).times(1)], &all, "+-+", &["a", "c"]).await;
    check(vec![Fault::new(Unavailable).skip(1)], &all, "+--", &["a"]).await;
    check(vec![Fault::new(Unavailable).on(Operation::Get)], &all, "+++", &all).await;
    check(vec![Fault::new(Conflict).key(|key| key == "b")], &all, "+-+", &["a", "c"]).await;
    check(vec![Fault::new(ReplyLost).key(|key| key == "b")], &["a", "b", "b"], "+--", &["a", "b"]).await;
    check(vec![Fault::new(ReplyLost).times(1)], &["a", "a", "b"], "-=+", &["a", "b"]).await;
    check(vec![Fault::new(Die).skip(1)], &all, "+--", &["a"]).await;
    check(vec![Fault::new(Die).skip(1).times(1)], &all, "+--", &["a"]).await;
    check(vec![Fault::new(DieAfter).skip(1).times(1)], &all, "+--", &["a", "b"]).await;
    let two = vec![Fault::new(Unavailable).times(1), Fault::new(ReplyLost).times(1)];
    check(two, &all, "--+", &["b", "c"]).await;
}

#[tokio::test]
async fn the_dead_do_nothing_and_do_not_try_again() {
    let (store, faulty) = faulty();
    store.put_new("a", Bytes::new()).await.unwrap();
    faulty.script(Fault::new(Answer::Die).on(Operation::Delete));
    assert!(faulty.get("a").await.is_ok() && !faulty.is_dead());
    faulty.delete("a").await.unwrap_err();
    assert!(faulty.is_dead());
    faulty.heal();
    assert!(!faulty.get("a").await.unwrap_err().is_retryable());
    assert!(store.get("a").await.is_ok());
    let calls = [Operation::Get, Operation::Delete].map(|operation| Call { operation, key: "a".to_owned() });
    assert_eq!(faulty.calls(), calls);
}

#[tokio::test]
async fn a_hole_in_a_list_is_no_end_of_it() {
    let (store, faulty) = faulty();
    for key in ["a", "b", "c", "d", "e"] {
        store.put_new(key, Bytes::new()).await.unwrap();
    }
    faulty.hide(|key| key == "b" || key == "c");
    for (after, limit, expected) in [
        (None, 2, "ad"),
        (None, 1, "a"),
        (Some("a"), 1, "d"),
        (Some("a"), 2, "de"),
        (Some("a"), 3, "de"),
        (Some("d"), 1, "e"),
    ] {
        let listed = faulty.list_after("", after, limit).await.unwrap();
        let keys: String = listed.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, expected, "after {after:?}, limit {limit}");
    }
    assert!(faulty.get("b").await.is_ok(), "what is hidden from lists is there");
    faulty.heal();
    assert_eq!(faulty.list_after("", None, 10).await.unwrap().len(), 5);
}
