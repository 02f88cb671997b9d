//! Real servers on loopback send dnstap to a `dpp live` that runs, and what they say is held against what was on the wire.
//!
//! Each test starts everything itself, in the foreground: the server with a configuration in a folder of its own and a free
//! port, `dpp live` as its receiver, and tcpdump on `lo`. Two ask at once: a [sender](ask) of ours, which knows each question,
//! id and port, and dnsperf, which is many clients. Then three tables must be one: what was asked, the rows from dnstap, and
//! the rows from the recording. [`agreement`] says how far they can agree, and each server's file what that server lacks.
//!
//! Nothing here waits for a time: a process is ready when it answers, and rows are there when they can be read; what has not
//! come in a minute never will. Servers are told to stop, or killed, by their process id, also when a test fails.

mod agreement;
mod ask;
mod bind;
mod breaks;
mod dnsdist;
mod knot;
mod recording;
mod rows;
mod slow;
mod soak;
mod stage;
mod unbound;
