//! Receivers of dnstap as outputs: `dpp capture.pcap dnstap+unix:/run/collector.sock`.

use super::address::{Address, Scheme};
use anyhow::bail;
use dpp_sink::relay::{Settings, Target, WhenFull};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a live run waits at its end for a receiver to take what is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// The receiver that an output names, if it does.
///
/// # Errors
/// What cannot be understood.
pub(crate) fn receiver(output: &Path, is_live: bool) -> anyhow::Result<Option<Settings>> {
    let Some(address) = output.to_str().map_or(Ok(None), Address::parse_receiver)? else { return Ok(None) };
    let when_full = if is_live { WhenFull::Drop } else { WhenFull::Wait };
    let usual = Settings::new(target(&address)?, when_full);
    let buffer_bytes = address.size("buffer")?.unwrap_or(usual.buffer_bytes);
    // At the end of a live run nobody waits for long for a receiver that is gone: what stops a service has no patience either.
    let patience = if is_live { PATIENCE } else { usual.patience };
    Ok(Some(Settings { buffer_bytes, patience, ..usual }))
}

fn target(address: &Address) -> anyhow::Result<Target> {
    let place = address.place.clone();
    Ok(match address.scheme {
        Scheme::DnstapTcp => Target::Tcp(place),
        Scheme::DnstapTls => {
            let file = |name: &str| address.get(name).map(PathBuf::from);
            let Some(authority) = file("ca") else {
                bail!("'{address}': say who signs the receiver's certificate: ?ca=FILE")
            };
            let identity = match (file("cert"), file("key")) {
                (None, None) => None,
                (Some(certificate), Some(key)) => Some((certificate, key)),
                _ => bail!("'{address}': a certificate needs its key: cert=FILE&key=FILE"),
            };
            Target::Tls { address: place, authority, identity }
        }
        _ => Target::Unix(PathBuf::from(place)),
    })
}
