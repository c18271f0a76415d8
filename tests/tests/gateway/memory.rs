//! The bodies of all requests together, and those of one user, take no more memory than they
//! may.

use std::net::SocketAddr;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use stockade_tests::{BINDINGS, Connection, Setup, World, post, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Room for two large bodies, one of each user.
const LIMITS: &str = "body: 16MiB, bodies: 30MB, bodies_per_user: 18MB";
/// Much more than the sockets on the way to Ollama can hold.
const LARGE: usize = 12_000_000;

async fn world() -> World {
    let bindings = format!("limits: {{ {LIMITS} }}\n{BINDINGS}");
    World::build(Setup { bindings: &bindings, ..Setup::default() }).await
}

fn body(bytes: usize) -> String {
    format!(r#"{{"model":"llama3.2:1b","prompt":"{}","stream":false}}"#, "a".repeat(bytes))
}

/// An Ollama that takes connections and reads nothing.
struct Stuck(TcpListener);

impl Stuck {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket.listen(16).unwrap())
    }

    /// Lets new requests go there, or to the other Ollama again.
    async fn stand_in(&self, world: &World, stands_in: bool) {
        let (real, stuck) = (world.ollama.addr().to_string(), self.0.local_addr().unwrap());
        let stuck = stuck.to_string();
        let (from, to) = if stands_in { (&real, &stuck) } else { (&stuck, &real) };
        world.edit(from, to).await;
    }

    /// A large request, and the connection to here in which it is stuck.
    async fn hold(&self, world: &World, user: &str) -> (tokio::task::JoinHandle<u16>, TcpStream) {
        let (gateway, key) = (world.gateway(), world.key(user).to_owned());
        let request = tokio::spawn(async move {
            let request = post("/api/generate", Some(&key), &body(LARGE));
            Connection::open(gateway).await.send(request).await.status.as_u16()
        });
        (request, self.accept().await)
    }

    /// The connection of the next request of a caller. The gateway asks for the models, too.
    async fn accept(&self) -> TcpStream {
        loop {
            let (stream, _) = soon("the request upstream", self.0.accept()).await.unwrap();
            // Only looked at, so that what is stuck stays so.
            if soon("its first byte", is_post(&stream)).await {
                return stream;
            }
        }
    }
}

async fn is_post(stream: &TcpStream) -> bool {
    let mut first = [0];
    stream.peek(&mut first).await.unwrap() == 1 && first == *b"P"
}

#[tokio::test]
async fn what_waits_for_ollama_counts() {
    let world = world().await;
    let send = async |user: &str, bytes| {
        world.send(post("/api/generate", Some(world.key(user)), &body(bytes))).await
    };
    let stuck = Stuck::new();
    stuck.stand_in(&world, true).await;
    let (first, of_alice) = stuck.hold(&world, "alice").await;
    stuck.stand_in(&world, false).await;
    let refused = send("alice", 8_000_000).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.headers["retry-after"], "5");
    assert!(refused.text().contains("as one user may"), "{}", refused.text());
    assert_eq!(send("alice", 1_000_000).await.status, 200, "it fits into the rest of the share");

    stuck.stand_in(&world, true).await;
    let (second, of_bob) = stuck.hold(&world, "bob").await;
    stuck.stand_in(&world, false).await;
    let refused = send("kim", 8_000_000).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("as it has memory for"), "{}", refused.text());
    assert_eq!(send("kim", 100).await.status, 200, "small ones go on");

    drop((of_alice, of_bob));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (502, 502));
    for user in ["alice", "bob", "kim"] {
        assert_eq!(send(user, LARGE).await.status, 200, "what ended counts no more");
    }
}

#[tokio::test]
async fn whoever_hangs_up_gives_memory_back() {
    let world = world().await;
    let stuck = Stuck::new();
    stuck.stand_in(&world, true).await;
    for _ in 0..3 {
        let mut caller = TcpStream::connect(world.gateway()).await.unwrap();
        let body = body(LARGE);
        let head = format!(
            "POST /api/generate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            world.key("alice"),
            body.len()
        );
        caller.write_all(head.as_bytes()).await.unwrap();
        caller.write_all(body.as_bytes()).await.unwrap();
        let mut stream = stuck.accept().await;
        drop(caller);
        let mut rest = Vec::new();
        soon("the cancellation", stream.read_to_end(&mut rest)).await.ok();
    }
}

#[tokio::test]
async fn what_is_decoded_counts() {
    let world = world().await;
    let text = body(8_000_000).replacen(&"a".repeat(200_000), &"ab".repeat(100_000), 1);
    let packed = zstd(text.as_bytes());
    assert!(packed.len() < text.len() / 20, "{}", packed.len());
    let client = Client::builder(TokioExecutor::new()).build_http();
    let send = async |user: &str| {
        let request = Request::post(format!("http://{}/v1/completions", world.gateway()))
            .header("authorization", format!("Bearer {}", world.key(user)))
            .header("content-encoding", "zstd");
        let request = request.body(Full::new(bytes::Bytes::from(packed.clone()))).unwrap();
        let response = soon("an answer", client.request(request)).await.unwrap();
        let status = response.status().as_u16();
        let body = soon("the body", response.into_body().collect()).await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let (status, text) = send("alice").await;
    assert_eq!(status, 200, "{text}");
    let stuck = Stuck::new();
    stuck.stand_in(&world, true).await;
    let (request, stream) = stuck.hold(&world, "alice").await;
    stuck.stand_in(&world, false).await;
    let (status, text) = send("alice").await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("memory"), "{text}");
    assert_eq!(send("bob").await.0, 200);
    drop(stream);
    assert_eq!(request.await.unwrap(), 502);
    assert_eq!(send("alice").await.0, 200);
}

/// A frame of raw blocks and of blocks that repeat one byte (RFC 8878, section 3.1.1.2).
fn zstd(content: &[u8]) -> Vec<u8> {
    let mut frame = b"\x28\xb5\x2f\xfd\xa0".to_vec();
    frame.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    let mut block = |kind: u32, last: bool, size: usize, bytes: &[u8]| {
        let header = u32::from(last) | kind << 1 | u32::try_from(size).unwrap() << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(bytes);
    };
    let (head, rest) = content.split_at(64);
    block(0, false, head.len(), head);
    let (middle, tail) = rest.split_at(rest.len() - 64);
    for part in middle.chunks(100_000) {
        if part.iter().all(|byte| *byte == part[0]) {
            block(1, false, part.len(), &part[..1]);
        } else {
            block(0, false, part.len(), part);
        }
    }
    block(0, true, tail.len(), tail);
    frame
}

#[tokio::test]
async fn limits_reload() {
    let world = world().await;
    let stuck = Stuck::new();
    stuck.stand_in(&world, true).await;
    let (request, stream) = stuck.hold(&world, "alice").await;
    stuck.stand_in(&world, false).await;
    let send =
        async |user| world.send(post("/api/generate", Some(world.key(user)), &body(20_000))).await;
    let less = "body: 1MiB, bodies: 30MB, bodies_per_user: 12MB";
    world.edit(LIMITS, less).await;
    let refused = send("alice").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(send("bob").await.status, 200);
    world.edit(less, LIMITS).await;
    assert_eq!(send("alice").await.status, 200);
    drop(stream);
    assert_eq!(request.await.unwrap(), 502);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_not_read() {
    let world = world().await;
    let large = body(900_000);
    for (path, user) in [("/", None), ("/api/version", None), ("/api/tags", Some("alice"))] {
        let key = user.map(|user| world.key(user));
        let mut request = post(path, key, &large);
        *request.method_mut() = http::Method::GET;
        let refused = world.send(request).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text());
        assert!(refused.text().contains("takes no body"), "{}", refused.text());
    }
}
