//! What every store promises, as functions that fail by panicking: for the tests of a store, here or elsewhere.
//!
//! Each function is one contract. It works below `conformance/` in the lake that it is given, and first clears what an
//! earlier run left there, so that it can be run on a bucket again and again.

#![expect(clippy::expect_used, reason = "a conformance test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;

use crate::{Answer, Fault, Faulty, LIST_LIMIT, Operation, Put, RetryPolicy, Retrying, Store, StoreError, TestClock};

/// Runs all contracts, one after the other.
pub async fn all(store: &Arc<dyn Store>) {
    what_is_created_is_read_back(store).await;
    who_comes_second_changes_nothing(store).await;
    sixteen_writers_one_winner(store).await;
    written_reply_lost(store).await;
    not_written_unavailable(store).await;
    the_end_of_an_object(store).await;
    ranges_of_an_object(store).await;
    what_is_absent(store).await;
    what_is_deleted_is_gone(store).await;
    lists_are_in_byte_order_whatever_the_page(store).await;
    a_full_page_may_be_the_last(store).await;
    lists_say_size_and_time(store).await;
    odd_names(store).await;
    folders(store).await;
    only_hints_are_replaced(store).await;
    keys_that_no_store_takes(store).await;
}

/// Objects of no, one and many bytes come back as they were written.
pub async fn what_is_created_is_read_back(store: &Arc<dyn Store>) {
    let folder = clear(store, "created").await;
    let many: Vec<u8> = (0..3_000_000_u32).map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    for (name, bytes) in [("none", Vec::new()), ("one", vec![0]), ("many", many)] {
        let key = format!("{folder}a/b/{name}");
        assert_eq!(put(store, &key, bytes.clone()).await, Put::Created, "{key}");
        assert!(get(store, &key).await == bytes, "{key} came back with other bytes");
    }
}

/// The second writer of a key is told so, and the first one's bytes stay.
pub async fn who_comes_second_changes_nothing(store: &Arc<dyn Store>) {
    let folder = clear(store, "second").await;
    let key = format!("{folder}object");
    assert_eq!(put(store, &key, "first").await, Put::Created);
    assert_eq!(put(store, &key, "second").await, Put::Exists);
    assert_eq!(put(store, &key, "first").await, Put::Exists);
    assert_eq!(get(store, &key).await, "first");
}

/// Of many who write the same key at once, one creates it, and its bytes are what is there.
pub async fn sixteen_writers_one_winner(store: &Arc<dyn Store>) {
    let folder = clear(store, "writers").await;
    for round in 0..8 {
        let key = format!("{folder}{round}");
        let write = async |writer: u8| match store.put_new(&key, vec![writer; 10_000].into()).await {
            Ok(Put::Created) => Some(writer),
            Ok(Put::Exists) | Err(StoreError::Conflict { .. }) => None,
            Err(error) => unreachable!("writer {writer}: {error}"),
        };
        let winners: Vec<u8> = join_all((0..16).map(write)).await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "winners of {key}: {winners:?}");
        assert_eq!(get(store, &key).await, vec![winners[0]; 10_000]);
    }
}

/// A write that succeeded without its writer hearing of it is found by the next attempt.
pub async fn written_reply_lost(store: &Arc<dyn Store>) {
    let folder = clear(store, "reply-lost").await;
    let retrying = retrying(store, Answer::ReplyLost);
    let key = format!("{folder}object");
    assert_eq!(put(&retrying, &key, "mine").await, Put::Exists);
    assert_eq!(get(store, &key).await, "mine");
}

/// A write that failed before it had an effect is made by the next attempt.
pub async fn not_written_unavailable(store: &Arc<dyn Store>) {
    let folder = clear(store, "unavailable").await;
    for answer in [Answer::Unavailable, Answer::Conflict] {
        let key = format!("{folder}{answer:?}");
        assert_eq!(put(&retrying(store, answer), &key, "mine").await, Put::Created);
        assert_eq!(get(store, &key).await, "mine");
    }
}

/// The last bytes come with the size of the whole, also where there are fewer than were asked for.
pub async fn the_end_of_an_object(store: &Arc<dyn Store>) {
    let folder = clear(store, "end").await;
    for (object, length, expected) in [
        ("0123456789", 4, "6789"),
        ("0123456789", 10, "0123456789"),
        ("0123456789", 11, "0123456789"),
        ("0123456789", u64::MAX, "0123456789"),
        ("0123456789", 0, ""),
        ("0", 1, "0"),
        ("", 4, ""),
        ("", 0, ""),
    ] {
        let key = format!("{folder}{object}-{length}");
        put(store, &key, object).await;
        let end = store.get_end(&key, length).await.expect("the object is there");
        assert_eq!(end.bytes, expected, "the last {length} of {object:?}");
        assert_eq!(end.size, object.len() as u64, "the size of {object:?} with its last {length}");
    }
}

/// A range gives the bytes that the object has in it.
pub async fn ranges_of_an_object(store: &Arc<dyn Store>) {
    let folder = clear(store, "range").await;
    for (object, range, expected) in [
        ("0123456789", 0..10, "0123456789"),
        ("0123456789", 0..1, "0"),
        ("0123456789", 3..7, "3456"),
        ("0123456789", 9..10, "9"),
        ("0123456789", 8..100, "89"),
        ("0123456789", 10..11, ""),
        ("0123456789", 100..200, ""),
        ("0123456789", 4..4, ""),
        ("", 0..0, ""),
        ("", 0..1, ""),
    ] {
        let key = format!("{folder}{object}-{}-{}", range.start, range.end);
        put(store, &key, object).await;
        let bytes = store.get_range(&key, range.clone()).await.expect("the object is there");
        assert_eq!(bytes, expected, "{range:?} of {object:?}");
    }
}

/// Whatever is read of an object that is not there says so; neither a folder nor what would be below an object is one.
pub async fn what_is_absent(store: &Arc<dyn Store>) {
    let folder = clear(store, "absent").await;
    put(store, &format!("{folder}a/object"), "there").await;
    for absent in ["b", "a", "a/b", "a/object/b", "a/objec", "a/object2"] {
        let key = format!("{folder}{absent}");
        let errors = [
            store.get(&key).await.err(),
            store.get_end(&key, 8).await.err(),
            store.get_end(&key, 0).await.err(),
            store.get_range(&key, 0..8).await.err(),
            store.get_range(&key, 8..8).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(StoreError::NotFound { .. })), "{key}: {error:?}");
        }
        store.delete(&key).await.expect("to delete what is absent is fine");
    }
    assert_eq!(get(store, &format!("{folder}a/object")).await, "there");
    assert!(keys(store, &format!("{folder}b/"), None, 10).await.is_empty());
}

/// A deleted object is neither read nor listed, and its key can be taken again.
pub async fn what_is_deleted_is_gone(store: &Arc<dyn Store>) {
    let folder = clear(store, "deleted").await;
    let key = format!("{folder}a/object");
    put(store, &key, "old").await;
    store.delete(&key).await.expect("delete");
    assert!(store.get(&key).await.is_err_and(|error| error.is_not_found()));
    assert!(keys(store, &folder, None, 10).await.is_empty());
    assert!(store.list_folders(&folder).await.expect("list").is_empty());
    assert_eq!(put(store, &key, "new").await, Put::Created);
    assert_eq!(get(store, &key).await, "new");
}

/// Lists are in byte order of the whole key, for every prefix, every key to begin after, there or not, and every page.
pub async fn lists_are_in_byte_order_whatever_the_page(store: &Arc<dyn Store>) {
    let folder = clear(store, "order").await;
    let names =
        ["a-b", "a-b.c", "a/b", "a/b-", "a/bc/d", "a/c", "a0", "a=1/x", "aa", "ab/c", "b", "z/y/x", "z/y0", "~"];
    let mut all: Vec<String> = names.iter().map(|name| format!("{folder}{name}")).collect();
    // Neither the order in which they are written nor that of the names in a folder is the order of the keys.
    for key in all.iter().rev() {
        put(store, key, "x").await;
    }
    all.sort_unstable();
    let absent = ["", "a", "a/", "a/b0", "a/bc/", "a/bc/e", "a1", "z/", "z/y", "z/y/", "~~"];
    let afters: Vec<Option<String>> = std::iter::once(None)
        .chain(names.iter().chain(&absent).map(|name| Some(format!("{folder}{name}"))))
        .chain([Some("a".to_owned()), Some("zzz".to_owned())])
        .collect();
    for prefix in
        ["", "a", "a/", "a/b", "a/bc/", "a-", "z/", "z/y", "q", "q/"].map(|prefix| format!("{folder}{prefix}"))
    {
        for after in &afters {
            for limit in [1, 3, LIST_LIMIT] {
                let is_listed =
                    |key: &&String| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| after < *key);
                let expected: Vec<_> = all.iter().filter(is_listed).take(limit).cloned().collect();
                let listed = keys(store, &prefix, after.as_deref(), limit).await;
                assert_eq!(listed, expected, "prefix {prefix}, after {after:?}, limit {limit}");
            }
        }
    }
}

/// A page that is exactly full says nothing about what follows; the next one does.
pub async fn a_full_page_may_be_the_last(store: &Arc<dyn Store>) {
    let folder = clear(store, "pages").await;
    let all: Vec<String> = (0..6).map(|index| format!("{folder}{index:020}.parquet")).collect();
    for key in &all {
        put(store, key, "x").await;
    }
    for limit in 1..=7 {
        let mut listed = Vec::new();
        loop {
            let page = keys(store, &folder, listed.last().map(String::as_str), limit).await;
            let is_last = page.len() < limit;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, all, "in pages of {limit}");
    }
}

/// A list says how large an object is, and when it was written.
pub async fn lists_say_size_and_time(store: &Arc<dyn Store>) {
    const YEAR_2020: i64 = 1_577_836_800_000_000;
    const YEAR_2100: i64 = 4_102_444_800_000_000;
    let folder = clear(store, "listed").await;
    put(store, &format!("{folder}a"), "").await;
    put(store, &format!("{folder}b"), vec![7; 12_345]).await;
    let listed = store.list_after(&folder, None, 10).await.expect("list");
    assert_eq!(listed.iter().map(|object| object.size).collect::<Vec<_>>(), [0, 12_345]);
    assert!(listed[0].modified <= listed[1].modified, "{listed:?}");
    assert!(listed.iter().all(|object| (YEAR_2020..YEAR_2100).contains(&object.modified)), "{listed:?}");
}

/// Names come back as they were given, whatever the protocol below would make of them.
pub async fn odd_names(store: &Arc<dyn Store>) {
    let folder = clear(store, "odd").await;
    let names = [
        "a b",
        "a+b",
        "a%20b",
        "a&b",
        "a<b>",
        "a\"b",
        "a'b",
        "a=b",
        "a@b",
        "a;b",
        "a,b",
        "a#b",
        "a$b",
        "a!b(c)",
        "~a",
        "a~1",
        ".a",
        "_a",
        "..a",
        "a..",
        "é",
        "名前",
        "🚰",
        "a^b|c{d}[e]`f",
    ];
    for name in names {
        let key = format!("{folder}{name}/{name}");
        assert_eq!(put(store, &key, name).await, Put::Created, "{key}");
        assert_eq!(put(store, &key, "again").await, Put::Exists, "{key}");
        assert_eq!(get(store, &key).await, name, "{key}");
        assert_eq!(keys(store, &key, None, 10).await, [key.as_str()]);
        assert_eq!(keys(store, &format!("{folder}{name}/"), Some(&key), 10).await, [""; 0]);
    }
    let mut folders = names.map(str::to_owned);
    folders.sort_unstable();
    assert_eq!(store.list_folders(&folder).await.expect("list"), folders);
    for name in names {
        store.delete(&format!("{folder}{name}/{name}")).await.expect("delete");
    }
    assert!(keys(store, &folder, None, 10).await.is_empty());
}

/// The folders below a prefix, each once, in byte order of their names, without objects and without what is deeper.
pub async fn folders(store: &Arc<dyn Store>) {
    let folder = clear(store, "folders").await;
    for name in ["object", "a/1", "a/2", "a-b/1", "a.c/d/e/1", "b/c/1", "b/d/1", "c0/1", "c/1", "z"] {
        put(store, &format!("{folder}{name}"), "x").await;
    }
    for (prefix, expected) in [
        ("", &["a", "a-b", "a.c", "b", "c", "c0"][..]),
        ("b/", &["c", "d"]),
        ("a.c/", &["d"]),
        ("a/", &[]),
        ("absent/", &[]),
        ("object/", &[]),
    ] {
        let listed = store.list_folders(&format!("{folder}{prefix}")).await.expect("list");
        assert_eq!(listed, expected, "folders below {prefix:?}");
    }
}

/// A hint can be replaced; nothing else can.
pub async fn only_hints_are_replaced(store: &Arc<dyn Store>) {
    const HINT: &str = "_penstock/conformance/hints/hint.json";
    store.delete(HINT).await.expect("delete");
    for hint in ["first", "the second one", "3"] {
        store.put_hint(HINT, hint.into()).await.expect("a hint");
        assert_eq!(get(store, HINT).await, hint);
    }
    assert_eq!(put(store, HINT, "4").await, Put::Exists);
    store.delete(HINT).await.expect("delete");

    let folder = clear(store, "hints").await;
    for key in [format!("{folder}object"), "_penstock/conformance/cuts/000000000001.json".to_owned()] {
        let error = store.put_hint(&key, "x".into()).await.expect_err("this is no hint");
        assert!(matches!(error, StoreError::Misuse { .. }), "{key}: {error:?}");
        assert!(store.get(&key).await.is_err_and(|error| error.is_not_found()), "{key} was written");
    }
}

/// Keys that lead out of the lake, or that some store would take for others, are refused by all.
pub async fn keys_that_no_store_takes(store: &Arc<dyn Store>) {
    for key in [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/..",
        ".",
        "a/./b",
        "a\\b",
        "a\nb",
        "_penstock/.staging/a",
    ] {
        let errors = [
            store.put_new(key, Bytes::new()).await.err(),
            store.get(key).await.err(),
            store.get_end(key, 8).await.err(),
            store.get_range(key, 0..8).await.err(),
            store.delete(key).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(StoreError::Misuse { .. })), "{key:?}: {error:?}");
        }
    }
    for (prefix, limit) in [("/", 1), ("a//", 1), ("../", 1), ("a", 0), ("a", LIST_LIMIT + 1)] {
        let error = store.list_after(prefix, None, limit).await.expect_err("no such list");
        assert!(matches!(error, StoreError::Misuse { .. }), "{prefix:?} {limit}: {error:?}");
    }
    for prefix in ["a", "/", "a/../"] {
        let error = store.list_folders(prefix).await.expect_err("no such folder");
        assert!(matches!(error, StoreError::Misuse { .. }), "{prefix:?}: {error:?}");
    }
}

/// An empty folder for a contract: its prefix.
async fn clear(store: &Arc<dyn Store>, contract: &str) -> String {
    let folder = format!("conformance/{contract}/");
    loop {
        let left = keys(store, &folder, None, LIST_LIMIT).await;
        for key in &left {
            store.delete(key).await.expect("delete what an earlier run left");
        }
        if left.is_empty() {
            return folder;
        }
    }
}

/// The store with retries, and a fault in the first write.
fn retrying(store: &Arc<dyn Store>, answer: Answer) -> Arc<dyn Store> {
    let faulty = Faulty::new(Arc::clone(store));
    faulty.script(Fault::new(answer).on(Operation::PutNew).times(1));
    Arc::new(Retrying::new(Arc::new(faulty), Arc::new(TestClock::default()), RetryPolicy::default()))
}

async fn put(store: &Arc<dyn Store>, key: &str, bytes: impl Into<Bytes>) -> Put {
    store.put_new(key, bytes.into()).await.expect("put_new")
}

async fn get(store: &Arc<dyn Store>, key: &str) -> Bytes {
    store.get(key).await.expect("get")
}

async fn keys(store: &Arc<dyn Store>, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let listed = store.list_after(prefix, after, limit).await.expect("list_after");
    listed.into_iter().map(|object| object.key).collect()
}
