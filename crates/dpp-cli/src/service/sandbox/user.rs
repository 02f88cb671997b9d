//! Becoming another user. Names are those of `/etc/passwd` and `/etc/group`; whoever has users elsewhere (LDAP) gives
//! numbers, or lets systemd change the user, which also needs no root in the first place.

use anyhow::{Context, anyhow};
use rustix::fs::{Gid, Uid};
use rustix::thread;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    uid: u32,
    gid: u32,
    /// Further groups.
    groups: Vec<u32>,
}

/// Becomes this user in this thread, and can never go back. Capabilities that are there stay until they are given up.
///
/// # Errors
/// If there is no such user, or the system does not allow it.
pub(super) fn become_user(name: &str) -> anyhow::Result<()> {
    let who = Identity::of(name)?;
    let change = || {
        let groups: Vec<Gid> = who.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        let (uid, gid) = (Uid::from_raw(who.uid), Gid::from_raw(who.gid));
        thread::set_keep_capabilities(true)?;
        thread::set_thread_groups(&groups)?;
        thread::set_thread_res_gid(gid, gid, gid)?;
        thread::set_thread_res_uid(uid, uid, uid)?;
        thread::set_keep_capabilities(false)
    };
    change().with_context(|| format!("cannot become the user '{name}'"))
}

impl Identity {
    /// Whom a name means.
    ///
    /// # Errors
    /// If there is no such user or group.
    pub(crate) fn of(name: &str) -> anyhow::Result<Identity> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        identity(name, &read("/etc/passwd"), &read("/etc/group"))
    }

    /// Whether such a one may make files in a folder, as its mode says.
    pub(crate) fn may_write(&self, folder: &Metadata) -> bool {
        let mode = folder.mode();
        let bits = match () {
            () if self.uid == 0 => return true,
            () if folder.uid() == self.uid => mode >> 6,
            () if folder.gid() == self.gid || self.groups.contains(&folder.gid()) => mode >> 3,
            () => mode,
        };
        bits & 0o3 == 0o3
    }
}

/// Whom `name`, `name:group` or numbers mean.
fn identity(wanted: &str, passwd: &str, group: &str) -> anyhow::Result<Identity> {
    let (name, group_name) = match wanted.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (wanted, None),
    };
    let line = fields(passwd).find(|fields| fields.first() == Some(&name));
    let known = line.and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
    let numbered = || name.parse().ok().map(|number: u32| (number, number));
    let (uid, own_gid) = known
        .or_else(numbered)
        .ok_or_else(|| anyhow!("there is no user '{name}'; name one of /etc/passwd, or give numbers"))?;
    let gid = match group_name {
        None => own_gid,
        Some(name) => gid(name, group)
            .ok_or_else(|| anyhow!("there is no group '{name}'; name one of /etc/group, or give numbers"))?,
    };
    let is_member =
        |fields: &Vec<&str>| fields.get(3).is_some_and(|list| list.split(',').any(|who| who == name));
    let further = fields(group).filter(is_member).filter_map(|fields| fields.get(2)?.parse().ok());
    Ok(Identity { uid, gid, groups: further.collect() })
}

fn gid(name: &str, group: &str) -> Option<u32> {
    let line = fields(group).find(|fields| fields.first() == Some(&name));
    line.and_then(|fields| fields.get(2)?.parse().ok()).or_else(|| name.parse().ok())
}

fn fields(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines().map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\ndpp:x:105:112::/nonexistent:/usr/sbin/nologin\nbroken:x:y\n";
    const GROUP: &str = "root:x:0:\ndns:x:53:knot,dpp\ndpp:x:112:\n";

    #[track_caller]
    fn check(wanted: &str, uid: u32, gid: u32, groups: &[u32]) {
        let expected = Identity { uid, gid, groups: groups.to_vec() };
        assert_eq!(identity(wanted, PASSWD, GROUP).unwrap(), expected, "{wanted}");
    }

    #[test]
    fn users_have_names_or_numbers() {
        check("dpp", 105, 112, &[53]);
        check("dpp:dns", 105, 53, &[53]);
        check("dpp:7", 105, 7, &[53]);
        check("65534", 65534, 65534, &[]);
        check("65534:112", 65534, 112, &[]);
    }

    #[test]
    fn who_is_not_there_is_named() {
        for (wanted, said) in [
            ("nemo", "no user 'nemo'"),
            ("dpp:nemo", "no group 'nemo'"),
            ("broken", "no user"),
            ("", "no user ''"),
        ] {
            let error = identity(wanted, PASSWD, GROUP).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
