use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use penstock_telemetry::Metric;
use penstock_telemetry::producer::RecordsSent;

use super::*;

fn start(outputs: &Outputs, registry: &Arc<Registry>) -> Result<Exporter, ExporterError> {
    Exporter::start(outputs, Arc::clone(registry), "test", Box::new(|| 5_000_000))
}

fn on_any_port() -> Outputs {
    Outputs { metrics: Some(([127, 0, 0, 1], 0).into()), ..Outputs::default() }
}

fn registry() -> Arc<Registry> {
    let registry = Arc::new(Registry::new("iot"));
    RecordsSent { records: 3, ..RecordsSent::default() }.emit(&registry);
    registry
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn prometheus_gets_every_value_and_others_are_told_where_it_is() {
    let exporter = start(&on_any_port(), &registry()).unwrap();
    let address = exporter.address().unwrap();
    let answer = ask(address, "GET /metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\npenstock_producer_events_sent_total{dataset=\"iot\"} 3\n"), "{answer}");
    assert!(answer.contains("\npenstock_memory_peak_bytes{dataset=\"iot\",function=\"test\"} "), "{answer}");
    assert!(ask(address, "GET /").starts_with("HTTP/1.1 404"));
    assert!(ask(address, "POST /metrics").starts_with("HTTP/1.1 405"));
}

#[test]
fn a_client_that_says_nothing_holds_up_nobody() {
    let exporter = start(&on_any_port(), &registry()).unwrap();
    let address = exporter.address().unwrap();
    let _silent = TcpStream::connect(address).unwrap();
    assert!(ask(address, "GET /metrics").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_port_in_use_is_said_with_its_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = start(&Outputs { metrics: Some(address), ..Outputs::default() }, &registry()).unwrap_err();
    let expect = format!(
        "--metrics {address}: port {} is in use: choose another one, or 0 for any that is free",
        address.port()
    );
    assert_eq!(error.to_string(), expect);
}

#[test]
fn statsd_gets_what_is_left_at_the_end() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = server.local_addr().unwrap().to_string().parse().unwrap();
    let registry = registry();
    let exporter = start(&Outputs { statsd: Some(target), ..Outputs::default() }, &registry).unwrap();
    RecordsSent { records: 4, ..RecordsSent::default() }.emit(&registry);
    drop(exporter);
    let mut sent = 0;
    let mut datagram = [0; 2000];
    while sent < 7 {
        let length = server.recv(&mut datagram).unwrap();
        let lines = std::str::from_utf8(&datagram[..length]).unwrap().lines();
        let counts = lines.filter_map(|line| line.strip_prefix("penstock_producer_events_sent_total,dataset=iot:"));
        sent += counts.map(|count| count.strip_suffix("|c").unwrap().parse::<u64>().unwrap()).sum::<u64>();
    }
    assert_eq!(sent, 7);
    assert_eq!(registry.snapshot(0).sum(Metric::StatsdDropped), 0.0);
}

#[test]
fn a_statsd_server_that_is_not_there_costs_its_datagrams_and_nothing_else() {
    let registry = registry();
    let target = "no-such-host.invalid:8125".parse().unwrap();
    drop(start(&Outputs { statsd: Some(target), ..Outputs::default() }, &registry).unwrap());
    assert!(0.0 < registry.snapshot(0).sum(Metric::StatsdDropped));
}

#[test]
fn a_target_is_a_host_and_a_port() {
    let check = |text: &str, expect: bool| assert_eq!(text.parse::<Target>().is_ok(), expect, "{text}");
    check("127.0.0.1:8125", true);
    check("[::1]:8125", true);
    check("telegraf", false);
    check(":8125", false);
    check("telegraf:0", false);
}
