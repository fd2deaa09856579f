//! The scenario over real HTTP, and what can go wrong on a connection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use keyfob_client::{
    BlockingTransport, Client, Error, Request, Reqwest, Retry, Stored, Transport, TransportError, Ureq,
    is_public,
};
use keyfob_core::view::User;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    scenario::scenario,
    server::{builder, listen, server},
};

/// A transport that blocks, for the scenario of asynchronous ones.
struct Blocking(Ureq);

impl Transport for Blocking {
    async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        tokio::task::block_in_place(|| self.0.send_blocking(request))
    }

    async fn wait(&self, duration: Duration) {
        self.0.wait_blocking(duration);
    }
}

#[tokio::test]
async fn the_scenario_runs_over_reqwest() {
    let (service, token) = server().await;
    let url = format!("http://{}/scim/v2/", listen(service).await);
    let client = builder(&url, &token)
        .transport(Reqwest::new().unwrap())
        .build()
        .unwrap();
    scenario(&client, "reqwest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scenario_runs_over_ureq() {
    let (service, token) = server().await;
    let url = format!("http://{}/scim/v2", listen(service).await);
    let client = builder(&url, &token)
        .transport(Blocking(Ureq::new()))
        .build()
        .unwrap();
    scenario(&client, "ureq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_iterators_block() {
    let (service, token) = server().await;
    let url = format!("http://{}/scim/v2", listen(service).await);
    let names = tokio::task::spawn_blocking(move || {
        let client = builder(&url, &token).transport(Ureq::new()).build().unwrap();
        let client = client.with(client.discover().call().unwrap());
        for name in ["a", "b", "c"] {
            client.of::<User>().create(&User::new(name)).call().unwrap();
        }
        let users = client.of::<User>().list().page(2).iter();
        users
            .map(|stored| stored.unwrap().resource.user_name.unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(names.await.unwrap(), ["a", "b", "c"]);
}

/// Answers every connection with these bytes after a while, and then closes it.
async fn answering(answer: &'static str, after: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => request.push(byte),
                        Err(_) => return,
                    }
                }
                tokio::time::sleep(after).await;
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    format!("http://{address}/scim/v2")
}

/// What becomes of a GET over both transports, without repetitions.
async fn got(url: &str, max_body: usize) -> [Result<Stored<User>, Error>; 2] {
    let made = || {
        let builder = Client::builder(url)
            .unwrap()
            .retry(Retry::never())
            .max_body(max_body);
        builder.timeout(Duration::from_millis(300))
    };
    let id = keyfob_core::ResourceId::new("1");
    let over_reqwest = made().transport(Reqwest::new().unwrap()).build().unwrap();
    let over_ureq = made().transport(Blocking(Ureq::new())).build().unwrap();
    [
        over_reqwest.of::<User>().get(&id).await,
        over_ureq.of::<User>().get(&id).await,
    ]
}

async fn failed(url: &str, max_body: usize) -> [Error; 2] {
    got(url, max_body).await.map(Result::unwrap_err)
}

#[tokio::test]
async fn a_time_in_which_no_request_ends_or_that_overflows_clocks_is_refused_before_anything_is_sent() {
    let url = "http://127.0.0.1:9/scim/v2";
    let id = keyfob_core::ResourceId::new("1");
    for (timeout, fits) in [
        (Duration::ZERO, false),
        (Duration::from_micros(999), false),
        (Duration::from_millis(1), true),
        (Duration::from_secs(86_400), true),
        (Duration::from_secs(86_401), false),
        (Duration::MAX, false),
    ] {
        let builder = || Client::builder(url).unwrap().transport(Reqwest::new().unwrap());
        let built = builder().timeout(timeout).build();
        let refused = built.err().map(|error| error.to_string());
        let expected =
            format!("a request can't end after {timeout:?}: the time is from 1 millisecond to 24 hours");
        assert_eq!(refused, (!fits).then_some(expected.clone()));
        let client = builder().retry(Retry::never()).build().unwrap();
        let called = client.of::<User>().get(&id).timeout(timeout).await.unwrap_err();
        if fits {
            assert!(matches!(called, Error::Transport(_)), "{timeout:?}: {called}");
        } else {
            assert!(
                matches!(&called, Error::Request(reason) if *reason == expected),
                "{timeout:?}: {called}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_peer_times_out() {
    let started = Instant::now();
    let url = answering("HTTP/1.1 200 OK\r\n\r\n", Duration::from_secs(20)).await;
    for error in failed(&url, 1 << 20).await {
        assert!(
            matches!(&error, Error::Transport(error) if error.is_timeout()),
            "{error:?}"
        );
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_there_has_seen_nothing() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    for error in failed(&format!("http://{free}"), 1 << 20).await {
        assert!(
            matches!(&error, Error::Transport(error) if error.is_not_sent()),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_leaves_the_fate_unknown() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Ty",
        "HTTP/1.1 200 OK\r\nContent-Type: application/scim+json\r\nContent-Length: 900\r\n\r\n{\"id\": ",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id",
        "nonsense\r\n\r\n",
    ] {
        let url = answering(answer, Duration::ZERO).await;
        for error in failed(&url, 1 << 20).await {
            let interrupted =
                matches!(&error, Error::Transport(error) if !error.is_not_sent() && !error.is_timeout());
            assert!(interrupted, "{answer}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_beyond_the_limit_is_not_read() {
    let url = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/scim+json\r\nContent-Length: 40\r\n\r\n{\"id\": \"1\"                             }",
        Duration::ZERO,
    )
    .await;
    for error in failed(&url, 39).await {
        assert_eq!(
            error.to_string(),
            "the answer is too large: the limit is 39 bytes",
            "{error:?}"
        );
    }
    for stored in got(&url, 40).await {
        assert_eq!(stored.unwrap().id.as_str(), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_transport_follows_a_redirect_itself() {
    let url = answering(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/evil?q=1\r\nContent-Length: 0\r\n\r\n",
        Duration::ZERO,
    )
    .await;
    for error in failed(&url, 1 << 20).await {
        assert_eq!(
            error.to_string(),
            "the server redirects to `http://127.0.0.2:1/evil` (302 Found), which is not followed"
        );
    }
}

/// Sends a GET over a transport and returns its status, or the error.
async fn get(transport: &Reqwest, url: &str) -> Result<u16, TransportError> {
    let http = http::Request::get(url).body(Bytes::new()).unwrap();
    let answer = transport
        .send(Request::new(http, Duration::from_secs(5), 1_000))
        .await;
    answer.map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn a_guarded_transport_connects_to_allowed_addresses_alone_however_a_url_names_them() {
    let url = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Duration::ZERO).await;
    let port = url.parse::<http::Uri>().unwrap().port_u16().unwrap();
    let guarded = Reqwest::reaching(is_public).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
    ] {
        let error = get(&guarded, &format!("http://{host}:{port}/"))
            .await
            .unwrap_err();
        assert!(error.is_not_sent(), "{host}: {error}");
        assert!(
            error.to_string().contains("no address that may be connected to"),
            "{host}: {error}"
        );
    }
    let open = Reqwest::reaching(|address| address.is_loopback()).unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433"] {
        assert_eq!(
            get(&open, &format!("http://{host}:{port}/")).await.unwrap(),
            200,
            "{host}"
        );
    }
}
