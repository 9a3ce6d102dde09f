use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A server, and where the views come from.
async fn start() -> (SocketAddr, Sender<Published>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let views = Sender::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, views.clone()));
    (address, views, tasks)
}

async fn ask(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// Reads until the text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the answer ended: {read}");
        let unseen = read.len().saturating_sub(text.len());
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        if read[unseen..].contains(text) {
            return read;
        }
    }
}

#[tokio::test]
async fn the_page_comes_whole_and_may_ask_nobody_else() {
    let (address, ..) = &start().await;
    let mut stream = ask(*address, "GET / HTTP/1.1\r\nhost: localhost:8080").await;
    let page = read_until(&mut stream, "</html>").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
    assert!(!page.to_lowercase().contains("access-control"), "{page}");
}

#[tokio::test]
async fn other_hosts_methods_and_paths_are_refused() {
    let (address, ..) = &start().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: evil.example", 421),
        ("GET / HTTP/1.1\r\nhost: 127.0.0.1.evil.example:8080", 421),
        ("GET / HTTP/1.1\r\nx: y", 421),
        ("GET / HTTP/1.1\r\nhost: [::1]:8080", 200),
        ("GET / HTTP/1.1\r\nhost: 192.0.2.7", 200),
        ("POST /state HTTP/1.1\r\nhost: localhost", 405),
        ("GET /favicon.ico HTTP/1.1\r\nhost: localhost", 404),
    ] {
        let answer = read_until(&mut ask(*address, request).await, "\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn nobody_is_looked_for_until_a_page_is_open_and_it_gets_what_is_known_at_once() {
    let (address, views, _tasks) = &start().await;
    views.send_replace(Some("{\"view\":1}".into()));
    let mut page = ask(*address, "GET /events HTTP/1.1\r\nhost: localhost").await;
    somebody_watches(views).await;
    read_until(&mut page, "data: {\"view\":1}\n\n").await;
    views.send_replace(Some("{\"view\":2}".into()));
    read_until(&mut page, "data: {\"view\":2}\n\n").await;
}

#[tokio::test]
async fn a_page_that_is_slow_gets_the_newest_view_and_holds_nobody_up() {
    let (address, views, _tasks) = &start().await;
    let mut page = ask(*address, "GET /events HTTP/1.1\r\nhost: localhost").await;
    somebody_watches(views).await;
    // Far more than any buffer between them holds.
    let padding = "x".repeat(1 << 20);
    let last = 100;
    for number in 0..=last {
        views.send_replace(Some(format!("{{\"view\":{number},\"padding\":\"{padding}\"}}").into()));
        tokio::task::yield_now().await;
    }
    let read = read_until(&mut page, &format!("{{\"view\":{last},")).await;
    let events = read.matches("data: ").count();
    assert!(events < last, "{events} events were sent");
}

#[tokio::test]
async fn the_state_is_the_next_view() {
    let (address, views, _tasks) = &start().await;
    let mut asked = ask(*address, "GET /state HTTP/1.1\r\nhost: localhost").await;
    somebody_watches(views).await;
    views.send_replace(Some("{\"view\":7}".into()));
    let answer = read_until(&mut asked, "{\"view\":7}").await;
    assert!(answer.contains("application/json"), "{answer}");
}
