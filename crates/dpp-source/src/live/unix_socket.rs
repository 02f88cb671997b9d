//! Unix sockets that others connect or send to: made, given their owner, group and mode, and removed at the end.
//!
//! The surprising fact: a socket outlives the process that made it, as a name that nobody answers to. So one that is in the way
//! is removed, but only if nobody answers. Nobody can reach a new one before its owner and mode are set: it listens only
//! then.

use super::error::LiveError;
use rustix::fs::Access;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// Where a socket is made, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its path.
    pub path: PathBuf,
    /// The user it belongs to; ours if there is none.
    pub owner: Option<u32>,
    /// The group it belongs to; ours if there is none.
    pub group: Option<u32>,
    /// The permission bits; whoever may write to it can send. What the process's umask leaves if there are none.
    pub mode: Option<u32>,
}

/// A socket that was made, and is removed with this.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode: another process may have made one of its own at this path.
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The most connections that wait to be accepted.
const BACKLOG: i32 = 128;

impl UnixSocket {
    /// Listens for connections. What is accepted does not block.
    pub(super) fn listen(&self) -> Result<(OwnedFd, SocketFile), LiveError> {
        let (socket, file) = self.bind(SocketType::STREAM)?;
        rustix::net::listen(&socket, BACKLOG).map_err(|error| self.failed(error.into()))?;
        Ok((socket, file))
    }

    /// Makes a socket that datagrams can be sent to.
    pub(super) fn datagrams(&self) -> Result<(OwnedFd, SocketFile), LiveError> {
        self.bind(SocketType::DGRAM)
    }

    /// Looks whether it could be made, as far as that can be seen without making it; whether somebody listens there already is not
    /// asked, as that would be a connection to them.
    pub(super) fn look(&self) -> Result<(), LiveError> {
        SocketAddrUnix::new(&self.path).map_err(|_| LiveError::PathTooLong(self.path.clone()))?;
        if fs::symlink_metadata(&self.path).is_ok_and(|file| !file.file_type().is_socket()) {
            return Err(LiveError::NoSocket(self.path.clone()));
        }
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let wanted = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(parent.unwrap_or(".".as_ref()), wanted).map_err(|error| self.failed(error.into()))
    }

    fn bind(&self, kind: SocketType) -> Result<(OwnedFd, SocketFile), LiveError> {
        let address =
            SocketAddrUnix::new(&self.path).map_err(|_| LiveError::PathTooLong(self.path.clone()))?;
        self.clear_the_way(kind, &address)?;
        let socket = new_socket(kind).map_err(|error| self.failed(error))?;
        rustix::net::bind(&socket, &address).map_err(|error| self.failed(error.into()))?;
        let made = fs::symlink_metadata(&self.path).map_err(|error| self.failed(error))?;
        let file = SocketFile { path: self.path.clone(), identity: (made.dev(), made.ino()) };
        self.set_rights().map_err(|source| LiveError::SocketRights { path: self.path.clone(), source })?;
        Ok((socket, file))
    }

    /// Removes a socket that nobody answers at.
    fn clear_the_way(&self, kind: SocketType, address: &SocketAddrUnix) -> Result<(), LiveError> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(error)),
            Ok(file) if !file.file_type().is_socket() => {
                return Err(LiveError::NoSocket(self.path.clone()));
            }
            Ok(_) => {}
        }
        let asking = new_socket(kind).map_err(|error| self.failed(error))?;
        match rustix::net::connect(&asking, address) {
            // Another kind of socket is another's, and in use: an abandoned one refuses whatever its kind was.
            Err(rustix::io::Errno::CONNREFUSED | rustix::io::Errno::NOENT) => {}
            Ok(()) | Err(_) => return Err(LiveError::SocketInUse(self.path.clone())),
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn set_rights(&self) -> io::Result<()> {
        if self.owner.is_some() || self.group.is_some() {
            std::os::unix::fs::chown(&self.path, self.owner, self.group)?;
        }
        match self.mode {
            Some(mode) => fs::set_permissions(&self.path, fs::Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> LiveError {
        LiveError::Socket { path: self.path.clone(), source }
    }
}

fn new_socket(kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Place;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    fn socket(place: &Place) -> UnixSocket {
        UnixSocket { path: place.path("s"), ..UnixSocket::default() }
    }

    #[test]
    fn an_abandoned_socket_is_replaced_whatever_its_kind_was() {
        let place = Place::new();
        let socket = socket(&place);
        drop(UnixListener::bind(&socket.path).unwrap());
        drop(socket.datagrams().unwrap());
        drop(UnixDatagram::bind(&socket.path).unwrap());
        drop(socket.listen().unwrap());
        assert!(!socket.path.exists(), "it is removed at the end");
    }

    #[test]
    fn a_socket_in_use_is_left_alone() {
        let place = Place::new();
        let socket = socket(&place);
        let _other = UnixListener::bind(&socket.path).unwrap();
        assert!(matches!(socket.listen(), Err(LiveError::SocketInUse(_))));
        assert!(matches!(socket.datagrams(), Err(LiveError::SocketInUse(_))));
    }

    #[test]
    fn a_file_is_never_removed() {
        let place = Place::new();
        let socket = socket(&place);
        fs::write(&socket.path, "precious").unwrap();
        assert!(matches!(socket.listen(), Err(LiveError::NoSocket(_))));
        assert_eq!(fs::read(&socket.path).unwrap(), b"precious");
    }

    #[test]
    fn the_socket_of_a_successor_is_not_removed() {
        let place = Place::new();
        let socket = socket(&place);
        let first = socket.listen().unwrap();
        fs::remove_file(&socket.path).unwrap();
        let _second = UnixListener::bind(&socket.path).unwrap();
        drop(first);
        assert!(socket.path.exists());
    }

    #[test]
    fn mode_and_group_are_set() {
        let place = Place::new();
        let group = fs::metadata(place.path("")).unwrap().gid();
        let socket = UnixSocket { mode: Some(0o620), group: Some(group), ..socket(&place) };
        let _made = socket.listen().unwrap();
        let file = fs::metadata(&socket.path).unwrap();
        assert_eq!((file.mode() & 0o777, file.gid()), (0o620, group));
    }

    #[test]
    fn what_could_not_be_made_is_told_before_and_nothing_is_made() {
        let place = Place::new();
        let socket = socket(&place);
        socket.look().unwrap();
        assert!(!socket.path.exists());
        fs::write(&socket.path, "precious").unwrap();
        assert!(matches!(socket.look(), Err(LiveError::NoSocket(_))));
        let nowhere = UnixSocket { path: place.path("no/s"), ..UnixSocket::default() };
        assert!(matches!(nowhere.look(), Err(LiveError::Socket { .. })));
    }

    #[test]
    fn a_path_that_is_too_long_is_named() {
        let path = PathBuf::from("/tmp").join("x".repeat(110));
        let socket = UnixSocket { path, ..UnixSocket::default() };
        assert!(matches!(socket.listen(), Err(LiveError::PathTooLong(_))));
        let nowhere = UnixSocket { path: "/nowhere/s".into(), ..UnixSocket::default() };
        assert!(
            nowhere
                .listen()
                .unwrap_err()
                .to_string()
                .starts_with("cannot listen on '/nowhere/s': No such file")
        );
    }
}
