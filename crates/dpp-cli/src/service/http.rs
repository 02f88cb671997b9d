//! A server for two or three pages of text: what Prometheus scrapes, and whether all is well.
//!
//! It answers GET and HEAD, one request a connection, and that is all of HTTP it knows. The crates that know more have no
//! time limits (tiny_http, whose last release is of 2022) or bring an asynchronous runtime with them; what is needed here is less than
//! what guards it: a request has [`REQUEST_MAX`] bytes and [`PATIENCE`] to come and to be answered, and at most
//! [`CONNECTIONS_MAX`] are open at a time. Nobody who does not keep to that can hold the service up, or grow it.

use anyhow::{Context, anyhow, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::net::{AddressFamily, SocketType};
use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A request of Prometheus has some 300 bytes, one of a browser a few thousand.
const REQUEST_MAX: usize = 8 << 10;
/// A scrape gives up after ten seconds; who is slower than this is not one.
const PATIENCE: Duration = Duration::from_secs(5);
/// Two Prometheus servers, a probe and a person at once; the rest is told to come later.
const CONNECTIONS_MAX: usize = 16;
/// So long somebody who was refused may go on sending before the connection is closed: what comes to a closed one is answered with a
/// reset, which can overtake the refusal.
const LINGER: Duration = Duration::from_secs(1);
/// So many who were refused at once are given that time; with one more, the first has had it.
const LINGERING_MAX: usize = 64;
/// How long it takes until the end is noticed.
const BREATH: Duration = Duration::from_millis(200);

/// Where the pages are: `127.0.0.1:9153`, `[::1]:9153` or `unix:/run/dpp/metrics.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address of ours and a port.
    Tcp(SocketAddr),
    /// The path of a socket.
    Unix(PathBuf),
}

impl Address {
    /// The socket, if that is where.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Address::Tcp(_) => None,
            Address::Unix(path) => Some(path),
        }
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') {
                bail!(
                    "'{text}' does not name a socket by its whole path, as unix:/run/dpp/metrics.sock does"
                );
            }
            return Ok(Address::Unix(path.into()));
        }
        text.parse().map(Address::Tcp).map_err(|_| {
            anyhow!("'{text}' is not where pages can be; 127.0.0.1:9153, [::1]:9153 and unix:/path are")
        })
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A page, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) status: Status,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Page {
    /// A page for people.
    pub(crate) fn plain(status: Status, body: impl Into<String>) -> Page {
        Page { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// How a request went: its number, and what that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u16, &'static str);

impl Status {
    pub(crate) const OK: Status = Status(200, "OK");
    const BAD_REQUEST: Status = Status(400, "Bad Request");
    pub(crate) const NOT_FOUND: Status = Status(404, "Not Found");
    const NOT_ALLOWED: Status = Status(405, "Method Not Allowed");
    const TOO_LARGE: Status = Status(431, "Request Header Fields Too Large");
    pub(crate) const UNAVAILABLE: Status = Status(503, "Service Unavailable");
}

/// The page of a path.
pub(crate) type Pages = Arc<dyn Fn(&str) -> Page + Send + Sync>;

/// Listens already, answers not yet: it is opened before privileges are dropped.
pub(crate) struct Listener {
    socket: Socket,
    /// As it can be reached: with the port that the system chose, if that was left to it.
    pub(crate) address: Address,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens there.
    ///
    /// # Errors
    /// If somebody else does, or the system does not allow it.
    pub(crate) fn open(address: &Address) -> anyhow::Result<Listener> {
        let what = || format!("cannot listen on '{address}' for metrics; name another with --metrics");
        Listener::try_open(address).with_context(what)
    }

    /// Looks whether that could be, without ever listening. Whether somebody does already, is told beside that.
    ///
    /// # Errors
    /// What stands against it.
    pub(crate) fn look(address: &Address) -> anyhow::Result<Option<String>> {
        let come = match address {
            Address::Tcp(address) => try_address(*address),
            Address::Unix(path) => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
            }
        };
        match come {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                Ok(Some(format!("--metrics: somebody listens on '{address}' already")))
            }
            Err(error) => Err(anyhow!("--metrics: cannot listen on '{address}': {error}; name another")),
        }
    }

    fn try_open(address: &Address) -> io::Result<Listener> {
        match address {
            Address::Tcp(address) => {
                let socket = TcpListener::bind(address)?;
                socket.set_nonblocking(true)?;
                let address = Address::Tcp(socket.local_addr()?);
                Ok(Listener { socket: Socket::Tcp(socket), address })
            }
            Address::Unix(path) => {
                remove_left_over(path)?;
                let socket = UnixListener::bind(path)?;
                socket.set_nonblocking(true)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
                Ok(Listener { socket: Socket::Unix(socket), address: address.clone() })
            }
        }
    }

    /// Answers until `stop` is set, in a thread of its own.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub(crate) fn start(self, pages: Pages, stop: Arc<AtomicBool>) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("metrics".into()).spawn(move || self.serve(&pages, &stop))
    }

    fn serve(&self, pages: &Pages, stop: &AtomicBool) {
        let (open, mut refused) = (Arc::<AtomicUsize>::default(), Refused::default());
        while !stop.load(Ordering::Acquire) {
            wait(self.socket.as_fd(), PollFlags::IN, BREATH);
            refused.look();
            match self.socket.accept() {
                Ok(stream) => answer_apart(stream, pages, &open, &mut refused),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Out of descriptors, perhaps. The listener is ready all the time then, and must not keep a CPU busy.
                Err(_) => std::thread::sleep(BREATH),
            }
        }
        if let Address::Unix(path) = &self.address {
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes the address and gives it back.
fn try_address(address: SocketAddr) -> io::Result<()> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    Ok(rustix::net::bind(&socket, &address)?)
}

/// A socket that nobody listens to any more goes out of the way; one that somebody does, and any other file, stays.
fn remove_left_over(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => match UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

impl Socket {
    fn accept(&self) -> io::Result<Stream> {
        Ok(match self {
            Socket::Tcp(socket) => Stream::Tcp(socket.accept()?.0),
            Socket::Unix(socket) => Stream::Unix(socket.accept()?.0),
        })
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Unix(socket) => socket.as_fd(),
        }
    }
}

/// Waits until this is possible, or the time is over.
fn wait(fd: BorrowedFd, what: PollFlags, most: Duration) {
    let most = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
    let _ = poll(&mut [PollFd::from_borrowed_fd(fd, what)], Some(&most));
}

/// A connection, whose every step has until a deadline.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Gives each following step what is left of the time.
    fn hurry(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match self {
            Stream::Tcp(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
            }
            Stream::Unix(stream) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
            }
        }
    }

    /// Nothing more is said; it may still be listened.
    fn end(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Reads what has come, without waiting. `false` if the other side has ended.
    fn is_open(&mut self) -> bool {
        let waits = match self {
            Stream::Tcp(stream) => stream.set_nonblocking(true),
            Stream::Unix(stream) => stream.set_nonblocking(true),
        };
        match waits.and_then(|()| self.read(&mut [0; REQUEST_MAX])) {
            Ok(length) => length > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(buffer),
            Stream::Unix(stream) => stream.write(buffer),
        }
    }
}

/// Connections of those who were told to come later, until they have heard it.
#[derive(Default)]
struct Refused(VecDeque<(Stream, Instant)>);

impl Refused {
    /// Tells one more.
    fn add(&mut self, mut stream: Stream) {
        let busy = Page::plain(Status::UNAVAILABLE, "too many connections; come later\n");
        // The kernel's buffer takes it at once.
        let told = send(&mut stream, &busy, true, Instant::now() + BREATH);
        if told.is_err() || stream.end().is_err() {
            return;
        }
        if self.0.len() == LINGERING_MAX {
            self.0.pop_front();
        }
        self.0.push_back((stream, Instant::now() + LINGER));
    }

    /// Closes those that have gone, or had their time; reads what the others say, and forgets it.
    fn look(&mut self) {
        let now = Instant::now();
        self.0.retain_mut(|(stream, until)| now < *until && stream.is_open());
    }
}

/// Answers in a thread of its own, if there are not too many.
fn answer_apart(mut stream: Stream, pages: &Pages, open: &Arc<AtomicUsize>, refused: &mut Refused) {
    let mine = Open::one_more(open);
    if mine.before >= CONNECTIONS_MAX {
        refused.add(stream);
        return;
    }
    let pages = Arc::clone(pages);
    let answer = move || {
        let _mine = mine;
        let deadline = Instant::now() + PATIENCE;
        // Whoever has gone does not want an answer.
        let _ = answer(&mut stream, &pages, deadline);
    };
    let _ = std::thread::Builder::new().name("page".into()).stack_size(256 << 10).spawn(answer);
}

/// A connection that is counted as long as it is open.
struct Open {
    count: Arc<AtomicUsize>,
    before: usize,
}

impl Open {
    fn one_more(count: &Arc<AtomicUsize>) -> Open {
        Open { count: Arc::clone(count), before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(stream: &mut Stream, pages: &Pages, deadline: Instant) -> io::Result<()> {
    let request = receive(stream, deadline)?;
    let (page, has_body) = match request.as_deref().map(wanted) {
        None => (Page::plain(Status::TOO_LARGE, "this is too much\n"), true),
        Some(Ok((path, has_body))) => (pages(path), has_body),
        Some(Err(status)) => (Page::plain(status, "GET /metrics is what is understood here\n"), true),
    };
    send(stream, &page, has_body, deadline)?;
    if page.status == Status::OK {
        return Ok(());
    }
    // Behind what was refused there may be more.
    stream.end()?;
    let deadline = deadline.min(Instant::now() + LINGER);
    loop {
        stream.hurry(deadline)?;
        if stream.read(&mut [0; 1024])? == 0 {
            return Ok(());
        }
    }
}

/// The request up to its empty line; `None` if that does not come.
fn receive(stream: &mut Stream, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while request.len() < REQUEST_MAX {
        stream.hurry(deadline)?;
        let length = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..length]);
        if has_end(&request) {
            return Ok(Some(request));
        }
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(None)
}

fn has_end(request: &[u8]) -> bool {
    request.windows(4).any(|bytes| bytes == b"\r\n\r\n") || request.windows(2).any(|bytes| bytes == b"\n\n")
}

/// The path that is asked for, and whether its page is to be sent or only told of.
fn wanted(request: &[u8]) -> Result<(&str, bool), Status> {
    let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| Status::BAD_REQUEST)?;
    let mut words = line.trim_end().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) || words.next().is_some() {
        return Err(Status::BAD_REQUEST);
    }
    let path = target.and_then(|target| target.split('?').next()).filter(|path| path.starts_with('/'));
    match (method, path) {
        (Some("GET"), Some(path)) => Ok((path, true)),
        (Some("HEAD"), Some(path)) => Ok((path, false)),
        (Some(_), Some(_)) => Err(Status::NOT_ALLOWED),
        _ => Err(Status::BAD_REQUEST),
    }
}

fn send(stream: &mut Stream, page: &Page, has_body: bool, deadline: Instant) -> io::Result<()> {
    let Page { status: Status(number, words), content_type, body } = page;
    let mut answer = format!(
        "HTTP/1.1 {number} {words}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if has_body {
        answer.push_str(body);
    }
    let mut left = answer.as_bytes();
    while !left.is_empty() {
        stream.hurry(deadline)?;
        match stream.write(left)? {
            0 => return Err(ErrorKind::WriteZero.into()),
            length => left = &left[length..],
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Server {
        address: Address,
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    }

    impl Server {
        fn at(address: &Address) -> Server {
            let listener = Listener::open(address).unwrap();
            let (address, stop) = (listener.address.clone(), Arc::<AtomicBool>::default());
            let pages: Pages = Arc::new(|path| match path {
                "/metrics" => Page::plain(Status::OK, "dpp_up 1\n"),
                _ => Page::plain(Status::NOT_FOUND, "nothing\n"),
            });
            let thread = Some(listener.start(pages, Arc::clone(&stop)).unwrap());
            Server { address, stop, thread }
        }

        fn loopback() -> Server {
            Server::at(&"127.0.0.1:0".parse().unwrap())
        }

        fn connect(&self) -> Stream {
            match &self.address {
                Address::Tcp(address) => Stream::Tcp(TcpStream::connect(address).unwrap()),
                Address::Unix(path) => Stream::Unix(UnixStream::connect(path).unwrap()),
            }
        }

        fn ask(&self, request: &str) -> String {
            let mut stream = self.connect();
            // A server that refuses may have closed before all is written.
            let _ = stream.write(request.as_bytes());
            rest(&mut stream)
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            self.stop.store(true, Ordering::Release);
            self.thread.take().unwrap().join().unwrap();
        }
    }

    /// All that comes.
    fn rest(stream: &mut Stream) -> String {
        let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..length]);
        }
        String::from_utf8(all).unwrap()
    }

    #[track_caller]
    fn check(request: &str, status: &str, body: &str) {
        let answer = Server::loopback().ask(request);
        assert_eq!(answer.lines().next(), Some(format!("HTTP/1.1 {status}").as_str()), "{request:?}");
        assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, body, "{request:?}");
    }

    #[test]
    fn a_page_is_what_its_path_says() {
        check("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "dpp_up 1\n");
        check("GET /metrics?debug=1 HTTP/1.0\n\n", "200 OK", "dpp_up 1\n");
        check("HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK", "");
        check("GET /secrets HTTP/1.1\r\n\r\n", "404 Not Found", "nothing\n");
    }

    #[test]
    fn what_is_no_request_is_told_so() {
        let hint = "GET /metrics is what is understood here\n";
        check("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", hint);
        check("GET metrics HTTP/1.1\r\n\r\n", "400 Bad Request", hint);
        check("GET /metrics\r\n\r\n", "400 Bad Request", hint);
        check("GET /a b HTTP/1.1\r\n\r\n", "400 Bad Request", hint);
        check("\0\u{fffd}\r\n\r\n", "400 Bad Request", hint);
    }

    #[test]
    fn a_request_has_an_end() {
        let endless = format!("GET /metrics HTTP/1.1\r\n{}", "a".repeat(REQUEST_MAX));
        let answer = Server::loopback().ask(&endless[..REQUEST_MAX]);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    }

    #[test]
    fn who_says_nothing_cannot_keep_others_out_for_long() {
        let server = Server::loopback();
        let mute: Vec<Stream> = (0..CONNECTIONS_MAX).map(|_| server.connect()).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        let answers = || server.ask("GET /metrics HTTP/1.1\r\n\r\n");
        // The mute ones are accepted by and by.
        while !answers().contains("503 Service Unavailable") {
            assert!(Instant::now() < deadline, "connections are bounded");
        }
        while !answers().contains("200 OK") {
            assert!(Instant::now() < deadline, "they are given up");
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(mute);
    }

    /// Says something when the answer is there already, and reads that to its end: a connection that was closed before would end
    /// in a reset.
    fn hear_out(server: &Server, request: &str) -> String {
        let Stream::Tcp(mut stream) = server.connect() else { unreachable!("it is one of TCP") };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        if !request.is_empty() {
            stream.write_all(request.as_bytes()).unwrap();
        }
        stream.peek(&mut [0]).unwrap();
        for _ in 0..3 {
            stream.write_all(&[b'x'; 4000]).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn who_is_refused_hears_so_to_the_end() {
        let server = Server::loopback();
        assert!(hear_out(&server, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let mute: Vec<Stream> = (0..CONNECTIONS_MAX).map(|_| server.connect()).collect();
        // They were accepted before this one.
        assert!(hear_out(&server, "").starts_with("HTTP/1.1 503"));
        // And who only listens is not kept waiting for it.
        let Stream::Tcp(mut quiet) = server.connect() else { unreachable!("it is one of TCP") };
        let mut answer = String::new();
        quiet.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("come later\n"), "{answer}");
        drop(mute);
    }

    #[test]
    fn those_who_were_refused_are_bounded() {
        let (listener, mut refused) = (TcpListener::bind("127.0.0.1:0").unwrap(), Refused::default());
        let mut clients = Vec::new();
        for _ in 0..LINGERING_MAX + 3 {
            clients.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            refused.add(Stream::Tcp(listener.accept().unwrap().0));
        }
        assert_eq!(refused.0.len(), LINGERING_MAX);
        clients.truncate(LINGERING_MAX);
        refused.0.iter_mut().for_each(|(_, until)| *until += LINGER * 100);
        while refused.0.len() > LINGERING_MAX - 3 {
            refused.look();
        }
        refused.0.iter_mut().for_each(|(_, until)| *until = Instant::now());
        refused.look();
        assert!(refused.0.is_empty());
    }

    #[test]
    fn pages_may_be_on_a_socket_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        // What a service that was killed leaves behind is no hindrance.
        drop(UnixListener::bind(&path).unwrap());
        let address: Address = format!("unix:{}", path.display()).parse().unwrap();
        let server = Server::at(&address);
        assert!(server.ask("GET /metrics HTTP/1.1\r\n\r\n").ends_with("dpp_up 1\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let error = Listener::open(&address).err().unwrap();
        assert!(format!("{error:#}").contains("cannot listen on 'unix:/"), "{error:#}");
        drop(server);
        assert!(!path.exists(), "a service that ends takes its socket with it");
    }

    #[test]
    fn an_address_is_understood_or_named() {
        let read = |text: &str| text.parse::<Address>();
        assert_eq!(read("[::1]:9153").unwrap().to_string(), "[::1]:9153");
        assert_eq!(read("unix:/run/x").unwrap(), Address::Unix("/run/x".into()));
        for text in ["9153", "localhost:9153", "unix:x", ""] {
            assert!(read(text).unwrap_err().to_string().starts_with(&format!("'{text}'")));
        }
    }
}
