//! What columns look up that is in no packet.

use crate::privacy::Pseudonyms;
use std::net::IpAddr;
use std::sync::Arc;

/// What columns look up. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// If set, client addresses come out as these pseudonyms.
    pub pseudonyms: Option<Pseudonyms>,
    /// The names of the inputs, by their numbers.
    pub inputs: Arc<[String]>,
}

impl Context {
    /// The same before anything is hidden: what conditions are asked with, as people who write them know the real addresses.
    pub fn unhidden(&self) -> Context {
        Context { pseudonyms: None, ..self.clone() }
    }

    /// A client's address as it may come out.
    #[inline]
    pub fn client(&self, address: IpAddr) -> IpAddr {
        match &self.pseudonyms {
            Some(pseudonyms) => pseudonyms.of(address),
            None => address,
        }
    }
}
