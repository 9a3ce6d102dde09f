//! What people get, when channels answer as Slack, Telegram and webhooks do on good and bad days.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use penstock_lake::{Clock, TestClock};
use penstock_notify::Notify;
use penstock_runtime::{Call, Failure, Function, Kind, NotifySettings, SecretPlace, TelegramSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

use server::{Reply, Server, answer};

const TOKEN: &str = "123456:hush-hush";

/// The function with a server that is Slack, Telegram and a webhook.
struct World {
    server: Server,
    clock: Arc<TestClock>,
    notify: Notify,
    secrets: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Slack,
    Telegram,
    Webhook,
    All,
}

impl World {
    async fn new(to: To) -> Self {
        let server = Server::start().await;
        let secrets = TempDir::new().unwrap();
        let place = |name: &str| SecretPlace::File(secrets.path().join(name).to_str().unwrap().to_owned());
        let is_used = |channel: To| to == channel || to == To::All;
        let settings = NotifySettings {
            slack: is_used(To::Slack).then(|| place("slack")),
            telegram: is_used(To::Telegram).then(|| TelegramSettings {
                token: place("telegram"),
                chat: "-100".to_owned(),
                api: server.url(),
            }),
            webhook: is_used(To::Webhook).then(|| place("webhook")),
            quiet: Duration::from_secs(900),
            log: "info".to_owned(),
        };
        let clock = Arc::new(TestClock::default());
        let notify = Notify::new(&settings, Arc::<TestClock>::clone(&clock)).unwrap();
        let world = Self { server, clock, notify, secrets };
        world.keep("slack", &format!("{}/services/hush-hush\n", world.server.url()));
        world.keep("telegram", TOKEN);
        world.keep("webhook", &format!("{}/alarms\nAuthorization: Bearer hush-hush\n", world.server.url()));
        world
    }

    fn keep(&self, name: &str, secret: &str) {
        std::fs::write(self.path(name), secret).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.secrets.path().join(name)
    }

    async fn call(&self, messages: &[(&str, &str)]) -> Result<Value, Failure> {
        let record = |(id, message): &(&str, &str)| json!({ "Sns": { "MessageId": id, "Subject": "subject", "Message": message } });
        let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
        self.notify.call(event.to_string().as_bytes(), &Call::default()).await
    }

    /// Calls with one message, of which somebody gets the text.
    async fn text_of(&self, message: &str) -> String {
        self.call(&[("m", message)]).await.unwrap();
        let received = self.server.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received[0].text().to_owned()
    }
}

fn alarm(name: &str, state: &str, time: &str) -> String {
    json!({
        "AlarmName": name, "NewStateValue": state, "StateChangeTime": format!("2026-11-21T{time}.000+0000"),
        "AlarmDescription": "Batches were given up.\nRunbook: https://example.org/runbook#letters",
        "NewStateReason": "Threshold Crossed: 1 datapoint [3.0 (21/11/26 12:00:00)] was greater than the threshold (0.0).",
        "AWSAccountId": "111122223333", "AlarmArn": format!("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:{name}"),
        "Trigger": {
            "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS", "Statistic": "MAXIMUM",
            "Dimensions": [{ "value": "letters", "name": "QueueName" }], "Period": 60, "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.0
        }
    })
    .to_string()
}

#[tokio::test]
async fn slack_gets_an_alarm_and_its_end() {
    let world = World::new(To::Slack).await;
    let text = world.text_of(&alarm("letters", "ALARM", "12:00:05")).await;
    let console =
        "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/letters";
    let expect = format!(
        "*🔴 ALARM: letters*\n\
         Batches were given up.\n\
         Since 2026-11-21 12:00:05 UTC.\n\
         Value 3, threshold &gt; 0: maximum of AWS/SQS ApproximateNumberOfMessagesVisible of QueueName letters, over 60 s.\n\
         <https://example.org/runbook#letters|Runbook> · <{console}|Alarm> (account 111122223333, eu-central-1)"
    );
    assert_eq!(text, expect);
    world.call(&[("n", &alarm("letters", "OK", "12:10:06"))]).await.unwrap();
    let text = world.server.received()[0].text().to_owned();
    assert!(
        text.starts_with("*🟢 OK: letters*\nIt is over; it was in alarm for 10 min.\nSince 2026-11-21 12:10:06 UTC."),
        "{text}"
    );
}

#[tokio::test]
async fn where_no_datum_came_the_threshold_is_said_beside_the_reason() {
    let reason = "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].";
    let mut message: Value = serde_json::from_str(&alarm("letters", "ALARM", "12:00:05")).unwrap();
    message["NewStateReason"] = json!(reason);
    let text = World::new(To::Slack).await.text_of(&message.to_string()).await;
    let expect = format!(
        "\n{reason}\nThreshold &gt; 0: maximum of AWS/SQS ApproximateNumberOfMessagesVisible of QueueName letters, over 60 s.\n"
    );
    assert!(text.contains(&expect), "{text}");
}

#[tokio::test]
async fn a_new_alarm_that_is_not_on_is_not_told() {
    let world = World::new(To::All).await;
    let new = |state: &str| {
        let mut message: Value = serde_json::from_str(&alarm("letters", state, "12:00:05")).unwrap();
        message["OldStateValue"] = json!("INSUFFICIENT_DATA");
        message.to_string()
    };
    world.call(&[("a", &new("OK"))]).await.unwrap();
    assert!(world.server.received().is_empty());
    world.call(&[("b", &new("ALARM"))]).await.unwrap();
    assert_eq!(world.server.received().len(), 3);
}

#[tokio::test]
async fn telegram_gets_its_own_markup_and_the_token_only_in_the_address() {
    let world = World::new(To::Telegram).await;
    world.call(&[("m", &alarm("a<b>&\"c\"", "ALARM", "12:00:00"))]).await.unwrap();
    let received = &world.server.received()[0];
    assert_eq!(received.path, format!("/bot{TOKEN}/sendMessage"));
    assert_eq!((&received.body["chat_id"], &received.body["parse_mode"]), (&json!("-100"), &json!("HTML")));
    assert!(received.text().starts_with("<b>🔴 ALARM: a&lt;b&gt;&amp;&quot;c&quot;</b>\n"), "{}", received.text());
    assert!(
        received.text().contains("<a href=\"https://example.org/runbook#letters\">Runbook</a>"),
        "{}",
        received.text()
    );
}

#[tokio::test]
async fn a_webhook_gets_json_with_its_headers() {
    let world = World::new(To::Webhook).await;
    world.call(&[("m", &alarm("letters", "ALARM", "12:00:00")), ("n", "hello")]).await.unwrap();
    let received = &world.server.received()[0];
    assert_eq!(received.headers["authorization"], "Bearer hush-hush");
    let notices = &received.body["notices"];
    assert_eq!(received.body["version"], 1);
    assert_eq!(
        (&notices[0]["kind"], &notices[0]["name"], &notices[0]["state"], &notices[0]["value"], &notices[0]["since"]),
        (&json!("alarm"), &json!("letters"), &json!("ALARM"), &json!("3"), &json!("2026-11-21T12:00:00Z"))
    );
    assert_eq!(
        (&notices[1]["kind"], &notices[1]["subject"], &notices[1]["text"]),
        (&json!("text"), &json!("subject"), &json!("hello"))
    );
}

#[tokio::test]
async fn several_records_are_one_message() {
    let world = World::new(To::Slack).await;
    world
        .call(&[("a", &alarm("lag", "ALARM", "12:00:00")), ("b", &alarm("letters", "ALARM", "12:00:01"))])
        .await
        .unwrap();
    let received = world.server.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].text().contains("ALARM: lag*") && received[0].text().contains("\n\n*🔴 ALARM: letters*"));
}

#[tokio::test]
async fn what_is_no_alarm_arrives_as_text() {
    let world = World::new(To::Slack).await;
    let text = world.text_of("disk <full> & more").await;
    assert_eq!(
        text,
        "*subject*\nThis is no alarm of CloudWatch's; it is shown as it came.\ndisk &lt;full&gt; &amp; more"
    );
    world.notify.call(br#"{"detail-type":"x"}"#, &Call::default()).await.unwrap();
    assert!(world.server.received()[0].text().ends_with(r#"{"detail-type":"x"}"#));
}

#[tokio::test]
async fn long_messages_are_cut_between_letters_and_never_inside_markup() {
    for (to, limit) in [(To::Slack, 4000), (To::Telegram, 4096)] {
        for letter in ["x", "&", "ü", "😀", "<"] {
            let text = World::new(to).await.text_of(&letter.repeat(5000)).await;
            let length = text.encode_utf16().count();
            assert!(limit - 20 < length && length <= limit, "{to:?} {letter}: {length}");
            assert!(text.ends_with(" … (cut)"), "{to:?} {letter}");
            let body = text.trim_end_matches(" … (cut)").lines().last().unwrap();
            let whole = body.replace("&amp;", "&").replace("&lt;", "<");
            assert!(whole.chars().all(|found| letter.contains(found)), "{to:?} {letter}: an entity was cut");
        }
    }
}

#[tokio::test]
async fn an_address_in_a_description_cannot_break_out_of_its_link() {
    let message = json!({
        "AlarmName": "a", "NewStateValue": "ALARM", "AlarmDescription": "Runbook: https://example.org/a|b>c\"d",
    });
    let text = World::new(To::Slack).await.text_of(&message.to_string()).await;
    assert!(text.contains("<https://example.org/a%7Cb%3Ec\"d|Runbook>"), "{text}");
    let text = World::new(To::Telegram).await.text_of(&message.to_string()).await;
    assert!(text.contains("<a href=\"https://example.org/a|b&gt;c&quot;d\">Runbook</a>"), "{text}");
}

/// What a channel answers first, and which waits come of it before it has the message.
async fn check_waits(to: To, replies: Vec<Reply>, waits: &[u64]) {
    let world = World::new(to).await;
    let count = replies.len();
    world.server.script(replies.clone());
    world.call(&[("m", "hello")]).await.unwrap();
    assert_eq!(world.server.received().len(), count + 1, "{replies:?}");
    let sleeps: Vec<u64> = world.clock.sleeps().iter().map(Duration::as_secs).collect();
    assert_eq!(sleeps, waits, "{replies:?}");
}

#[tokio::test]
async fn a_channel_that_is_busy_is_asked_again_when_it_says() {
    check_waits(To::Slack, vec![Reply::Answer(429, Some("7"), "ratelimited".into())], &[7]).await;
    let busy = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 9", "parameters": { "retry_after": 9 } });
    check_waits(To::Telegram, vec![answer(429, busy.to_string())], &[9]).await;
    check_waits(To::Webhook, vec![Reply::Answer(503, Some("3"), String::new())], &[3]).await;
}

#[tokio::test]
async fn a_channel_that_fails_is_asked_again() {
    for reply in [answer(500, "rollup_error"), answer(502, "<html>"), Reply::Close] {
        check_waits(To::Slack, vec![reply.clone(), reply], &[0, 0]).await;
    }
}

#[tokio::test]
async fn a_channel_that_is_silent_is_asked_again() {
    let mut world = World::new(To::Slack).await;
    world.notify = world.notify.answer_within(Duration::from_millis(300));
    world.server.script([Reply::Silence]);
    // On a slow machine an answer may be late, too: then it is asked once more.
    world.call(&[("m", "hello")]).await.unwrap();
    assert!(2 <= world.server.received().len());
}

/// A channel's answers, what the failure says of them, and after how many requests.
async fn check_failure(to: To, replies: Vec<Reply>, kind: Kind, expect: &str, requests: usize) {
    let world = World::new(to).await;
    world.server.script(replies);
    let failure = world.call(&[("m", "hello")]).await.unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains(expect), "{failure}");
    assert!(!failure.message.contains("hush"), "the secret is in: {failure}");
    assert_eq!(world.server.received().len(), requests, "{failure}");
}

#[tokio::test]
async fn a_secret_that_is_refused_is_named_and_not_shown() {
    let check = async |to, replies, expect| check_failure(to, replies, Kind::Misconfigured, expect, 1).await;
    check(
        To::Slack,
        vec![answer(404, "no_service")],
        "0 of 1 channels told. Slack (PENSTOCK_NOTIFY_SLACK): answered 404 (no_service)",
    )
    .await;
    check(To::Slack, vec![answer(403, "invalid_token")], "answered 403 (invalid_token)").await;
    check(To::Slack, vec![answer(410, "channel_is_archived")], "answered 410 (channel_is_archived)").await;
    let unauthorized = format!(r#"{{"ok":false,"error_code":401,"description":"Unauthorized {TOKEN}"}}"#);
    check(
        To::Telegram,
        vec![answer(401, unauthorized)],
        "Telegram (PENSTOCK_NOTIFY_TELEGRAM): answered 401 (Unauthorized ***)",
    )
    .await;
    let moved = r#"{"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":-1007}}"#;
    check(To::Telegram, vec![answer(400, moved)], "set PENSTOCK_NOTIFY_TELEGRAM_CHAT to -1007").await;
    check(To::Webhook, vec![answer(302, "")], "moved: name the address that it moved to").await;
}

#[tokio::test]
async fn a_channel_that_stays_away_fails_the_call_in_time() {
    let replies = vec![Reply::Answer(429, Some("3600"), String::new())];
    check_failure(To::Slack, replies, Kind::Retry, "another call tries it again", 1).await;
    let world = World::new(To::Slack).await;
    world.server.script(vec![answer(503, ""); 100]);
    let deadline = world.clock.now() + 20_000_000;
    let event = json!({ "Records": [{ "Sns": { "MessageId": "m", "Message": "hello" } }] }).to_string();
    let call = Call { request_id: "r".to_owned(), deadline };
    world.notify.call(event.as_bytes(), &call).await.unwrap_err();
    assert!(world.clock.now() < deadline, "it went on after its time");
}

#[tokio::test]
async fn a_secret_that_was_changed_is_read_again() {
    let world = World::new(To::Telegram).await;
    world.call(&[("a", "hello")]).await.unwrap();
    world.keep("telegram", "123456:changed");
    world.server.script([answer(401, r#"{"description":"Unauthorized"}"#)]);
    world.call(&[("b", "hello")]).await.unwrap();
    let paths: Vec<String> = world.server.received().into_iter().map(|received| received.path).collect();
    assert_eq!(paths[1..], [format!("/bot{TOKEN}/sendMessage"), "/bot123456:changed/sendMessage".to_owned()]);
}

#[tokio::test]
async fn secrets_that_are_none_are_told_apart() {
    let check = async |name: &str, secret: &str, expect: &str| {
        let world = World::new(To::All).await;
        world.keep(name, secret);
        let failure = world.call(&[("m", "hello")]).await.unwrap_err();
        assert!(failure.message.contains(expect) && !failure.message.contains("hush"), "{failure}");
        assert!(failure.message.starts_with("2 of 3 channels told. "), "{failure}");
        assert_eq!(world.server.received().len(), 2);
    };
    check("slack", "hooks.slack.com/hush", "Slack (PENSTOCK_NOTIFY_SLACK): it is no address").await;
    check("slack", "http://example.org/hush", "no address that begins with https://").await;
    check("slack", "", "is empty").await;
    check("telegram", "my token: hush", "PENSTOCK_NOTIFY_TELEGRAM): it is no token").await;
    check("webhook", "https://127.0.0.1/\nhush", "a line after the address is no header").await;
}

#[tokio::test]
async fn a_call_that_is_made_again_tells_only_those_who_were_not_told() {
    let world = World::new(To::All).await;
    std::fs::rename(world.path("slack"), world.path("aside")).unwrap();
    for _ in 0..2 {
        let failure = world.call(&[("m", "hello")]).await.unwrap_err();
        assert!(failure.message.contains("Slack (PENSTOCK_NOTIFY_SLACK): the secret file:"), "{failure}");
    }
    let paths: Vec<String> = world.server.received().into_iter().map(|received| received.path).collect();
    assert_eq!(paths.len(), 2, "Telegram and the webhook are told once: {paths:?}");
    std::fs::rename(world.path("aside"), world.path("slack")).unwrap();
    world.call(&[("m", "hello")]).await.unwrap();
    assert_eq!(world.server.received()[0].path, "/services/hush-hush");
    world.call(&[("m", "hello")]).await.unwrap();
    assert!(world.server.received().is_empty());
}

#[tokio::test]
async fn an_alarm_that_keeps_changing_becomes_quiet_and_says_so() {
    let world = World::new(To::Slack).await;
    for (index, state) in ["ALARM", "OK", "ALARM", "OK", "ALARM", "OK"].into_iter().enumerate() {
        world.call(&[(&index.to_string(), &alarm("lag", state, "12:00:00"))]).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
    let received = world.server.received();
    assert_eq!(received.len(), 4);
    let quiet = "It keeps changing: nothing more is said of it before 2026-01-01 00:15:00 UTC.";
    assert!(received[3].text().contains(quiet), "{}", received[3].text());
}

#[tokio::test]
async fn an_event_without_records_tries_the_secrets_and_tells_nobody() {
    let world = World::new(To::All).await;
    assert_eq!(world.call(&[]).await.unwrap(), json!({ "ready": 3 }));
    std::fs::remove_file(world.path("telegram")).unwrap();
    let failure = world.call(&[]).await.unwrap_err();
    assert!(
        failure.message.starts_with("2 of 3 channels ready. Telegram (PENSTOCK_NOTIFY_TELEGRAM): the secret file:"),
        "{failure}"
    );
    assert!(world.server.received().is_empty());
}
