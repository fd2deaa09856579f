//! `keyfob serve` with a certificate: TLS and HTTP/2 over real sockets.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, crypto::ring,
    pki_types::CertificateDer, version,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::{
    client::user,
    process::{PATIENCE, Server, finish, keyfob, run},
};

/// A certificate for this machine and its key, in files, and clients that trust it.
struct Certified {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Certified {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let certificate = write_pair(&folder, None);
        Self { folder, certificate }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the files by others, which clients trust from now on.
    fn renew(&mut self) {
        self.certificate = write_pair(&self.folder, None);
    }

    fn start(&self, arguments: &[&str]) -> Server {
        let (certificate, key) = (self.path("certificate.pem"), self.path("key.pem"));
        let files = [
            "--tls-certificate",
            certificate.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
            "--store",
            "memory:",
        ];
        Server::start(&[&files, arguments].concat())
    }

    fn trusting(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Sends a request at HTTP/1.1 and returns the answer.
    fn exchange(&self, origin: &str, request: &str) -> String {
        let mut stream = connect(origin, self.trusting(rustls::ALL_VERSIONS, &[])).unwrap();
        exchange(&mut stream, request)
    }

    /// A connection at HTTP/2.
    async fn connect_http_2(&self, origin: &str) -> http2::SendRequest<Full<Bytes>> {
        let stream = tokio::net::TcpStream::connect(address(origin)).await.unwrap();
        let config = self.trusting(rustls::ALL_VERSIONS, &["h2", "http/1.1"]);
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// A connection whose handshake has been made.
fn connect(origin: &str, config: Arc<ClientConfig>) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let stream = TcpStream::connect(address(origin))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let name = "localhost".try_into().unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Writes a new pair, or the certificate of one with the key of another.
fn write_pair(folder: &TempDir, key: Option<&str>) -> CertificateDer<'static> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let own_key = made.signing_key.serialize_pem();
    fs::write(folder.path().join("certificate.pem"), made.cert.pem()).unwrap();
    let path = folder.path().join("key.pem");
    fs::write(&path, key.unwrap_or(&own_key)).unwrap();
    restrict(&path, 0o600);
    made.cert.der().clone()
}

fn restrict(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn address(origin: &str) -> &str {
    origin.strip_prefix("https://").unwrap()
}

fn get(path: &str, token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
        authorization.unwrap_or_default()
    )
}

fn exchange(stream: &mut (impl Read + Write), request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn request(method: Method, path: &str, token: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
    let body = body.map(|body| body.to_string().into_bytes());
    Request::builder()
        .method(method)
        .uri(format!("https://localhost/scim/v2{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/scim+json")
        .body(Full::from(body.unwrap_or_default()))
        .unwrap()
}

async fn json_of(response: Response<Incoming>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[test]
fn rfc_7644_7_2_both_ports_speak_tls_1_2_and_1_3_and_nothing_else() {
    let certified = Certified::new();
    let server = certified.start(&["--admin-listen", "127.0.0.1:0"]);
    assert_eq!(server.base, format!("{}/scim/v2", server.origin));
    let admin = server.read("administration on ");
    let token = server.read_token();
    for version in [&version::TLS12, &version::TLS13] {
        for (origin, path, expected) in [
            (&server.origin, "/scim/v2/Users", "200 OK"),
            (&server.origin, "/livez", "200 OK"),
            (&admin, "/metrics", "200 OK"),
        ] {
            let config = certified.trusting(&[version], &[]);
            let mut stream = connect(origin, config).unwrap();
            assert_eq!(stream.conn.protocol_version(), Some(version.version));
            let answer = exchange(&mut stream, &get(path, Some(&token)));
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")),
                "{path}: {answer}"
            );
        }
    }
    // A client that forgets TLS is told so, and reaches nothing.
    for origin in [&server.origin, &admin] {
        let mut stream = TcpStream::connect(address(origin)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let answer = exchange(&mut stream, &get("/scim/v2/Users", Some(&token)));
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("https://"),
            "{answer}"
        );
    }
    // One that is no client of either is cut.
    let mut stream = TcpStream::connect(address(&server.origin)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[0; 100]).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).ok();
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    assert!(!server.stop().stderr.contains("cross the network"));
}

#[test]
fn a_protocol_that_the_server_lacks_is_refused_in_the_handshake() {
    let certified = Certified::new();
    let server = certified.start(&[]);
    let offered = |protocols: &[&str]| {
        let config = certified.trusting(rustls::ALL_VERSIONS, protocols);
        let stream = connect(&server.origin, config)?;
        Ok::<_, io::Error>(stream.conn.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(offered(&[]).unwrap(), None);
    assert_eq!(offered(&["http/1.1"]).unwrap(), Some(b"http/1.1".to_vec()));
    assert_eq!(offered(&["http/1.1", "h2"]).unwrap(), Some(b"h2".to_vec()));
    assert!(offered(&["h3"]).is_err());
}

#[tokio::test]
async fn http_2_is_served_to_whom_asks_for_it_with_the_same_limits() {
    let certified = Certified::new();
    let server = certified.start(&[]);
    let token = server.read_token();
    let mut sender = certified.connect_http_2(&server.origin).await;
    let created = sender
        .send_request(request(
            Method::POST,
            "/Users",
            &token,
            Some(&user("bjensen@example.com")),
        ))
        .await
        .unwrap();
    assert_eq!(
        (created.version(), created.status()),
        (Version::HTTP_2, StatusCode::CREATED)
    );
    assert!(
        created.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with(&server.base)
    );
    assert_eq!(created.headers()["cache-control"], "no-store");
    // Many at once over the one connection.
    let many = (0..60).map(|number| {
        let user = user(&format!("user-{number}@example.com"));
        sender.send_request(request(Method::POST, "/Users", &token, Some(&user)))
    });
    let many: Vec<_> = many.map(tokio::spawn).collect();
    for answer in many {
        assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::CREATED);
    }
    let listed = sender
        .send_request(request(Method::GET, "/Users", &token, None))
        .await
        .unwrap();
    assert_eq!(json_of(listed).await.1["totalResults"], 61);
    for (request, status) in [
        (request(Method::GET, "/Users", "wrong", None), 401),
        (request(Method::HEAD, "/Users", &token, None), 200),
        (request(Method::GET, "/Nothing", &token, None), 404),
        (
            request(
                Method::POST,
                "/Users",
                &token,
                Some(&json!({"userName": "a".repeat(9 << 20)})),
            ),
            413,
        ),
        (
            request(
                Method::GET,
                &format!("/Users?filter={}", "a".repeat(40_000)),
                &token,
                None,
            ),
            414,
        ),
    ] {
        let path = request.uri().path().to_owned();
        let (answered, body) = json_of(sender.send_request(request).await.unwrap()).await;
        assert_eq!(answered, status, "{path}: {body}");
    }
    // RFC 9113 section 8.3.1: a host that is not the authority is another request to another reader.
    for (host, status) in [("localhost", 200), ("other.example", 400)] {
        let mut request = request(Method::GET, "/Users", &token, None);
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
        assert_eq!(
            sender.send_request(request).await.unwrap().status(),
            status,
            "{host}"
        );
    }
    drop(sender);
    assert_eq!(server.stop().code, Some(0));
}

/// The kinds of frames that the test sends and reads (RFC 9113 section 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn read_frame(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload)?;
    Ok((head[3], payload))
}

#[test]
fn rfc_9113_10_5_a_client_that_takes_back_what_it_asks_for_is_cut() {
    let certified = Certified::new();
    let server = certified.start(&[]);
    let config = certified.trusting(rustls::ALL_VERSIONS, &["h2"]);
    let mut stream = connect(&server.origin, config).unwrap();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    // GET https://localhost/ as HPACK writes it, the end of the headers and of the stream.
    let head = [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat();
    // All of it in one record, so that nothing is left unread when the server has enough.
    for number in 0..100 {
        let id = 2 * number + 1;
        sent.extend(frame(HEADERS, 0x5, id, &head));
        sent.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    stream.write_all(&sent).unwrap();
    let (kind, settings) = read_frame(&mut stream).unwrap();
    assert_eq!(kind, SETTINGS);
    let setting = |id: u16| {
        let found = settings
            .chunks(6)
            .find(|setting| setting[..2] == id.to_be_bytes());
        found.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    // Streams at once, and the size of a list of header fields.
    assert_eq!((setting(3), setting(6)), (Some(100), Some(64 << 10)));
    let told = loop {
        match read_frame(&mut stream) {
            Ok((GOAWAY, payload)) => break payload,
            Ok(_) => {}
            Err(error) => panic!("the connection ends without a word: {error}"),
        }
    };
    // ENHANCE_YOUR_CALM (RFC 9113 section 7).
    assert_eq!(told[4..8], 11_u32.to_be_bytes());
    // Others don't notice.
    let answer = certified.exchange(&server.origin, &get("/livez", None));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_client_that_does_not_shake_hands_holds_up_nobody_and_not_the_end() {
    let certified = Certified::new();
    let server = certified.start(&[]);
    let silent: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(address(&server.origin)).unwrap())
        .collect();
    // The beginning of a handshake that says that it is long, and no more of it.
    let mut begun = TcpStream::connect(address(&server.origin)).unwrap();
    begun.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    // Connections that are secured and ask for nothing.
    let quiet: Vec<_> = [&[][..], &["h2"]]
        .into_iter()
        .map(|protocols| {
            connect(
                &server.origin,
                certified.trusting(rustls::ALL_VERSIONS, protocols),
            )
        })
        .collect::<io::Result<_>>()
        .unwrap();
    let answer = certified.exchange(&server.origin, &get("/scim/v2/Users", Some(&server.read_token())));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    drop((silent, begun, quiet));
}

#[tokio::test]
async fn the_signal_to_stop_lets_a_request_at_http_2_finish() {
    let certified = Certified::new();
    let server = certified.start(&[]);
    let token = server.read_token();
    let mut sender = certified.connect_http_2(&server.origin).await;
    let first = sender
        .send_request(request(Method::GET, "/Users", &token, None))
        .await;
    assert_eq!(first.unwrap().status(), StatusCode::OK);
    // More than the server lets a client send before it reads, so that the request is under way.
    let large = json!({"userName": "ann@example.com", "note": "x".repeat(1 << 20)});
    let answer = sender.send_request(request(Method::POST, "/Users", &token, Some(&large)));
    let answer = tokio::spawn(answer);
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.signal("TERM");
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::CREATED);
    // The connection takes no other one, and isn't waited for.
    let stopped = tokio::task::spawn_blocking(|| server.join()).await.unwrap();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let refused = sender
        .send_request(request(Method::GET, "/Users", &token, None))
        .await;
    assert!(refused.is_err());
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_one_that_cannot_be_used_is_not() {
    let mut certified = Certified::new();
    let server = certified.start(&[]);
    let is_trusted = |certified: &Certified| {
        let config = certified.trusting(rustls::ALL_VERSIONS, &[]);
        connect(&server.origin, config).is_ok()
    };
    let wait_until_trusted = |certified: &Certified| {
        let end = Instant::now() + PATIENCE;
        while !is_trusted(certified) {
            assert!(Instant::now() < end, "the new certificate is not shown");
            thread::sleep(Duration::from_millis(50));
        }
    };
    assert!(is_trusted(&certified));
    // Files that change are enough.
    certified.renew();
    wait_until_trusted(&certified);
    certified.renew();
    server.signal("HUP");
    wait_until_trusted(&certified);
    // Another key than that of the certificate.
    let key = fs::read_to_string(certified.path("key.pem")).unwrap();
    write_pair(&certified.folder, Some(&key));
    server.signal("HUP");
    server.wait_for("the one before stays");
    assert!(is_trusted(&certified), "the certificate before is gone");
    assert!(server.stop().stderr.contains("there is a new TLS certificate"));
}

#[test]
fn a_key_that_everybody_may_read_is_warned_of() {
    let certified = Certified::new();
    let warning = "everybody on this machine may read the private key";
    assert!(!certified.start(&[]).stop().stderr.contains(warning));
    restrict(&certified.path("key.pem"), 0o644);
    assert!(certified.start(&[]).stop().stderr.contains(warning));
}

#[test]
fn files_that_make_no_certificate_are_told_of_before_anything_is_stored() {
    let certified = Certified::new();
    let (certificate, key) = (certified.path("certificate.pem"), certified.path("key.pem"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let folder = TempDir::new().unwrap();
    for (arguments, message) in [
        (&["--tls-certificate", certificate][..], "needs its `--tls-key`"),
        (&["--tls-key", key], "needs its `--tls-certificate`"),
        (
            &["--tls-certificate", "none.pem", "--tls-key", key],
            "cannot read `none.pem`",
        ),
        (
            &["--tls-certificate", key, "--tls-key", key],
            "holds no certificate",
        ),
        (
            &["--tls-certificate", certificate, "--tls-key", certificate],
            "holds no private key",
        ),
    ] {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        finish(keyfob(&arguments).current_dir(folder.path()), "").assert_unusable(message);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_files_of_a_certificate_are_settings_like_all_others() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("keyfob.toml");
    fs::write(
        &config,
        "tls-certificate = \"of-file.pem\"\ntls-key = \"key.pem\"\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let printed = finish(
        keyfob(&["config", "--config", config]).env("KEYFOB_TLS_KEY", "of-variable.pem"),
        "",
    );
    for line in [
        &*format!("tls-certificate = of-file.pem  ({config})"),
        "tls-key = of-variable.pem  (KEYFOB_TLS_KEY)",
    ] {
        assert!(
            printed.stdout.lines().any(|found| found == line),
            "{line}: {printed:?}"
        );
    }
    // What `serve` refuses is no fine setting either.
    for (option, lacking) in [
        ("--tls-certificate", "--tls-key"),
        ("--tls-key", "--tls-certificate"),
    ] {
        let printed = run(&["config", option, "a.pem"], "");
        assert_eq!(printed.code, Some(2), "{printed:?}");
        let line = format!("{} = a.pem  (argument)", option.trim_start_matches("--"));
        assert!(printed.stdout.lines().any(|found| found == line), "{printed:?}");
        let refusal = format!("`{option}` needs its `{lacking}`");
        assert!(printed.stderr.contains(&refusal), "{printed:?}");
    }
}

#[test]
fn answers_that_name_addresses_without_tls_are_warned_of_where_the_ports_speak_it() {
    let certified = Certified::new();
    let warning = "answers name addresses without it";
    for (public_url, is_warned) in [
        (&["--public-url", "http://id.example.com"][..], true),
        (&["--public-url", "https://id.example.com"], false),
        (&[], false),
    ] {
        let stderr = certified.start(public_url).stop().stderr;
        assert_eq!(stderr.contains(warning), is_warned, "{public_url:?}: {stderr}");
    }
}
