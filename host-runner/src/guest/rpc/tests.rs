//! Tests of the client with servers that behave well and servers that do not.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const WAITS: Waits = Waits {
    connect: Duration::from_secs(2),
    first_byte: Duration::from_millis(300),
    whole: Duration::from_secs(2),
};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Answers each request on a connection with the next of `answers`, and closes the connection after the last.
/// Counts connections.
async fn server(answers: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/key", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                for answer in answers {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"body") {
                        let mut buffer = [0; 256];
                        match stream.read(&mut buffer).await {
                            Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
                            _ => return,
                        }
                    }
                    assert!(seen.starts_with(b"POST /key HTTP/1.1\r\n"));
                    if answer.is_empty() {
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, connections)
}

fn rpc(url: &str) -> Rpc {
    Rpc::new(url, Metrics::new().unwrap()).unwrap()
}

async fn ask(rpc: &Rpc, url: &str) -> Result<Response<Bytes>, Error> {
    let request = Request::post(url).header("host", "rpc").body(Bytes::from_static(b"body")).unwrap();
    rpc.send(request, WAITS).await
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (url, connections) = server(&[ANSWER; 10]).await;
    let rpc = rpc(&url);
    for _ in 0..10 {
        let answer = ask(&rpc, &url).await.unwrap();
        assert_eq!(answer.into_body(), "{}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_that_was_closed_is_replaced() {
    let (url, connections) = server(&[ANSWER]).await;
    let rpc = rpc(&url);
    for _ in 0..5 {
        ask(&rpc, &url).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 5);
}

/// Invariant 3: silence becomes an error in time, and is not an answer.
#[tokio::test]
async fn silence_is_an_error_in_time() {
    let (url, _) = server(&[""]).await;
    let started = Instant::now();
    let error = ask(&rpc(&url), &url).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    let (url, _) = server(&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", ""]).await;
    let error = ask(&rpc(&url), &url).await.unwrap_err();
    assert!(matches!(error, Error::HttpResponseTimeout), "{error:?}");
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/key", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&rpc(&url), &url).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut() {
    let body: &'static str = Box::leak(
        format!("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n{}", "x".repeat(5_000_000))
            .into_boxed_str(),
    );
    let answers: &'static [&'static str] = Box::leak(Box::new([body]));
    let (url, _) = server(answers).await;
    let error = ask(&rpc(&url), &url).await.unwrap_err();
    assert!(matches!(error, Error::HttpResponseBodySize(_)), "{error:?}");
}

#[test]
fn one_origin_only() {
    let at = |rpc_url: &str, url: &str| rpc(rpc_url).is_at(&url.parse().unwrap());
    let local = "http://127.0.0.1:8899";
    for same in ["http://127.0.0.1:8899/", "http://127.0.0.1:8899/any?x=1"] {
        assert!(at(local, same), "{same}");
    }
    for other in [
        "https://127.0.0.1:8899",
        "http://127.0.0.1:8898",
        "http://127.0.0.1",
        "http://localhost:8899",
        "http://127.0.0.1.evil.example:8899/",
        "http://127.0.0.1:8899@evil.example/",
        "/path",
    ] {
        assert!(!at(local, other), "{other}");
    }
    assert!(at("https://RPC.example/x", "https://rpc.example:443/y"));
    assert!(Rpc::new("ftp://rpc.example/", Metrics::new().unwrap()).is_none());
    assert!(Rpc::new("https://[2001:db8::1]/", Metrics::new().unwrap()).is_some());
}
