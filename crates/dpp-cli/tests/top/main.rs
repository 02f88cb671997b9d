//! `dpp top` in a real terminal: tmux, whose panes can be read, typed into, and resized.
//!
//! `make peers` installs tmux. Each test has a server of its own, with a socket in the test's folder. Nothing here waits for a time:
//! something is on the screen, or has come into a file, or has not after a minute and never will.

#![cfg(feature = "top")]

mod figures;
mod keys;
mod live;
mod terminal;
mod traffic;
