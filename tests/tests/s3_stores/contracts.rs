//! What every store promises, and the promise on which all else rests tried by many writers at once.

use std::sync::Arc;

use futures::future::join_all;
use penstock_lake::{Put, RetryPolicy, Retrying, Store, conformance};
use penstock_runtime::SystemClock;

use crate::place::Place;

const WRITERS: u8 = 16;
const KEYS: usize = 40;

#[tokio::test]
async fn keeps_the_contracts() {
    let place = Place::new("contracts").await;
    let store = place.store().await;
    conformance::all(&store).await;
    // Once more, over what the first left.
    conformance::all(&store).await;
}

/// Each writer has connections of its own, as processes have, and all want the same key at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_writers_of_a_key_one_creates_it() {
    let place = Place::new("writers").await;
    let mut writers: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..WRITERS {
        writers.push(Arc::new(Retrying::new(place.store().await, Arc::new(SystemClock), RetryPolicy::default())));
    }
    for key in (0..KEYS).map(|number| format!("raw/{number}")) {
        let write = |(writer, store): (u8, &Arc<dyn Store>)| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move { (writer, store.put_new(&key, vec![writer; 10_000].into()).await.unwrap()) })
        };
        let answers = join_all((0..).zip(&writers).map(write)).await;
        let answers = answers.into_iter().map(Result::unwrap);
        let winners: Vec<u8> = answers.filter(|(_, put)| *put == Put::Created).map(|(writer, _)| writer).collect();
        assert_eq!(winners.len(), 1, "winners of {key}: {winners:?}");
        assert!(writers[0].get(&key).await.unwrap() == vec![winners[0]; 10_000], "{key} is not its winner's");
    }
}
