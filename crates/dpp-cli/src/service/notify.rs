//! What systemd is told: that the service is ready, reloads, stops, is alive (sd_notify(3)).
//!
//! A message is a datagram to the socket that `NOTIFY_SOCKET` names. Where there is none, nothing is sent and nothing is
//! wrong. The socket is opened before the sandbox closes, and kept.

use rustix::time::{ClockId, clock_gettime};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Whoever started us, if they want to hear.
pub(crate) struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Watchdog>,
}

/// How often they want to hear that we are alive, and when they last did.
struct Watchdog {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl Notify {
    /// As the environment says.
    ///
    /// # Errors
    /// The system's, if there is a socket and it cannot be reached; systemd would wait for us in vain.
    pub(crate) fn from_environment() -> io::Result<Notify> {
        let value = |name: &str| std::env::var_os(name);
        Notify::new(value("NOTIFY_SOCKET"), value("WATCHDOG_USEC"), value("WATCHDOG_PID"))
    }

    fn new(socket: Option<OsString>, usec: Option<OsString>, pid: Option<OsString>) -> io::Result<Notify> {
        let Some(socket) = socket.filter(|name| !name.is_empty()) else {
            return Ok(Notify { socket: None, watchdog: None });
        };
        let is_ours = pid.is_none_or(|pid| pid == *std::process::id().to_string());
        let usec = usec.filter(|_| is_ours).and_then(|usec| usec.to_str()?.parse().ok());
        // Twice as often as must be, as sd_watchdog_enabled(3) advises.
        let watchdog = usec
            .filter(|usec| *usec > 0)
            .map(|usec: u64| Watchdog { every: Duration::from_micros(usec / 2), last: Mutex::default() });
        Ok(Notify { socket: Some(connect(&socket)?), watchdog })
    }

    /// Everything is open; packets are taken.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// The configuration is read again; [`Notify::ready`] says when that is done.
    pub(crate) fn reloading(&self) {
        // systemd wants to know when, by the clock that never jumps, to tell this from an older message.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The end has begun: files are being finished.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A line for people, which `systemctl status` shows.
    pub(crate) fn status(&self, line: &str) {
        self.send(&format!("STATUS={}", line.replace('\n', " ")));
    }

    /// The service is alive. Called as often as one likes; what is sent is what is wanted.
    pub(crate) fn alive(&self) {
        let Some(Watchdog { every, last }) = &self.watchdog else { return };
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= *every) {
            *last = Some(Instant::now());
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            // If nobody hears it any more, the service is none the worse.
            let _ = socket.send(message.as_bytes());
        }
    }
}

/// A socket to this name: a path, or with `@` before it one that is in no file system.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // Whoever does not read must not hold us up.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 512];
        socket.set_nonblocking(true).unwrap();
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    fn told(notify: &Notify, socket: &UnixDatagram) {
        notify.ready();
        notify.status("two\nlines");
        notify.stopping();
        let messages = [(); 3].map(|()| received(socket).unwrap());
        assert_eq!(messages, ["READY=1", "STATUS=two lines", "STOPPING=1"]);
        notify.reloading();
        let reloading = received(socket).unwrap();
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0);
    }

    #[test]
    fn systemd_hears_what_happens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        told(&Notify::new(Some(path.into()), None, None).unwrap(), &socket);
    }

    #[test]
    fn a_socket_may_be_in_no_file_system() {
        let name = format!("dpp-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        told(&Notify::new(Some(format!("@{name}").into()), None, None).unwrap(), &socket);
    }

    #[test]
    fn without_systemd_nothing_happens() {
        let notify = Notify::new(None, None, None).unwrap();
        notify.ready();
        notify.alive();
    }

    #[test]
    fn a_socket_that_is_not_there_is_an_error() {
        assert!(Notify::new(Some("/nowhere/at/all".into()), None, None).is_err());
    }

    #[test]
    fn the_watchdog_hears_as_often_as_it_wants() {
        let folder = tempfile::tempdir().unwrap();
        let path: OsString = folder.path().join("notify").into();
        let socket = UnixDatagram::bind(&path).unwrap();
        let heard = |usec: &str, pid: Option<&str>| {
            let notify = Notify::new(Some(path.clone()), Some(usec.into()), pid.map(Into::into)).unwrap();
            notify.alive();
            notify.alive();
            std::iter::from_fn(|| received(&socket)).count()
        };
        assert_eq!(heard("60000000", None), 1);
        assert_eq!(heard("60000000", Some(&std::process::id().to_string())), 1);
        assert_eq!(heard("60000000", Some("1")), 0, "for another process");
        assert_eq!(heard("0", None), 0);
    }
}
