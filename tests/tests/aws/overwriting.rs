//! A store that ignores `If-None-Match` would lose records in silence: whoever writes refuses it when it opens the lake.

use std::path::Path;
use std::process::Stdio;

use penstock_tests::binaries;
use penstock_tests::events::{event, payload, record};
use penstock_tests::lambda::{Answer, Environment, FunctionConfig};
use tokio::process::Command;

use crate::server::Server;
use crate::{FORMAT, LAKE, lake, variables};

async fn function(name: &str, server: &Server) -> Environment {
    let config = FunctionConfig::new(name, binaries::function(name), Path::new("/")).with("PENSTOCK_LAKE", LAKE);
    let config = variables(server).iter().fold(config, |config, (name, value)| config.with(name, value));
    Environment::start(&config).await
}

/// The last that was asked is the condition, and nothing but the format is there.
fn assert_nothing_was_written(server: &Server) {
    assert_eq!(server.keys(), [FORMAT]);
    let requests = server.requests();
    assert!(requests.last().unwrap().contains("if-none-match: *"), "{requests:?}");
}

#[tokio::test]
async fn functions_refuse_a_store_that_overwrites() {
    for name in ["ingest", "refine"] {
        // One where no lake is, and one with a lake.
        for server in [Server::start().await, lake().await] {
            server.overwrite();
            let function = function(name, &server).await;
            for _ in 0..2 {
                let event = payload(&[record(0, 0, 0, event(0, "device", 0))]);
                match function.invoke(event).await {
                    Answer::Error { kind, message } => {
                        assert_eq!(kind, "Misconfigured", "{message}");
                        for part in [LAKE, "If-None-Match", "AWS_ENDPOINT_URL"] {
                            assert!(message.contains(part), "{message:?} does not say {part:?}");
                        }
                    }
                    other => panic!("{name} works on a store that overwrites: {other:?}"),
                }
                assert_nothing_was_written(&server);
            }
        }
    }
}

#[tokio::test]
async fn a_run_refuses_a_store_that_overwrites() {
    let server = Server::start().await;
    server.overwrite();
    let mut command = Command::new(binaries::penstock());
    command.args(["run", "--events", "10", "--lake", LAKE]).envs(variables(&server)).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{says}");
    assert!(says.contains("If-None-Match") && says.contains(LAKE), "{says}");
    assert_nothing_was_written(&server);
}

#[tokio::test]
async fn a_store_that_keeps_what_is_there_is_asked_once_in_the_life_of_a_process() {
    for name in ["ingest", "refine"] {
        let server = lake().await;
        let function = function(name, &server).await;
        for offset in 0..2 {
            function.invoke(payload(&[record(0, offset, 0, event(0, "device", 0))])).await.response();
        }
        let mut requests = server.requests();
        requests.retain(|request| request.contains("format.json"));
        let methods: Vec<&str> = requests.iter().filter_map(|request| request.split(' ').next()).collect();
        assert_eq!(methods, ["GET", "PUT"], "{name}: {requests:?}");
    }
}
