//! DPDK's environment (EAL): memory, drivers, buses. It is started once in a process, with arguments of its own, for all
//! sources.
//!
//! The surprising fact: starting it binds the thread to one processor, and every thread that this one makes afterwards. So
//! it is started by a thread that then ends.

use super::error::{self, DpdkError};
use super::sys::{Control, Start};
use std::thread;

/// Starts DPDK, unless it is started; gives the right to open ports.
///
/// # Errors
/// [`DpdkError`] if it does not start, or was started with other arguments.
pub(super) fn start(arguments: &[String]) -> Result<Control, DpdkError> {
    if let Some(word) = arguments.iter().find(|word| word.contains('\0')) {
        return Err(DpdkError::Zero(word.escape_debug().to_string()));
    }
    let control = Control::take();
    if control.started().is_none() {
        // The thread takes the control itself, as it cannot be sent.
        drop(control);
        let (usual, said) = (usual(arguments, first_processor()), arguments.to_vec());
        let thread = thread::spawn(move || {
            let mut control = Control::take();
            if control.started().is_none() {
                control.start(usual, said);
            }
        });
        thread.join().expect("a thread that starts DPDK");
        return start(arguments);
    }
    judge(control.started().expect("just looked"), arguments)?;
    Ok(control)
}

fn judge(started: &Start, arguments: &[String]) -> Result<(), DpdkError> {
    if let Err((errno, said)) = &started.outcome {
        let problem = error::problem(*errno, said);
        return Err(DpdkError::Start { problem, remedy: error::remedy(*errno, said) });
    }
    // Who says nothing takes what there is.
    if arguments.is_empty() || started.arguments == arguments {
        return Ok(());
    }
    let [before, now] = [&started.arguments[..], arguments].map(|words| words.join(" "));
    Err(DpdkError::StartedOtherwise { before, now })
}

/// What is said to DPDK where the user says nothing about it: the argument, and how those begin that say something.
const USUAL: &[(&str, &[&str])] = &[
    // Nothing is left behind in /dev/hugepages and /var/run after a crash, and several programs get on with each other.
    // DPDK does not take it together with --no-huge, where there are no huge pages to share.
    (
        "--in-memory",
        &["--no-huge", "--no-shconf", "--file-prefix", "--huge-dir", "--proc-type", "--legacy-mem"],
    ),
    ("--no-shconf", &["--in-memory", "--file-prefix", "--proc-type"]),
    // We tell our own counters.
    ("--no-telemetry", &["--telemetry"]),
    // DPDK would have a thread for each processor, which only waits, and takes the place of one of ours.
    (LCORES, &["-l", "-c", "--main-lcore"]),
];

const LCORES: &str = "--lcores";

/// The arguments before those of the user.
fn usual(arguments: &[String], processor: usize) -> Vec<String> {
    let mut usual: Vec<String> = Vec::new();
    for (word, others) in USUAL {
        let says =
            |said: &String| said.starts_with(word) || others.iter().any(|other| said.starts_with(other));
        if !arguments.iter().chain(&usual).any(says) {
            usual.push((*word).to_string());
        }
    }
    // Where that is to be: on any processor that we may use.
    usual.iter_mut().filter(|word| *word == LCORES).for_each(|word| *word += &format!("=0@{processor}"));
    usual
}

/// A processor that this thread may use.
fn first_processor() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).ok();
    let processors = 0..rustix::thread::CpuSet::MAX_CPU;
    allowed
        .and_then(|allowed| processors.into_iter().find(|processor| allowed.is_set(*processor)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, expected: &str) {
        let said: Vec<_> = said.split_whitespace().map(str::to_string).collect();
        assert_eq!(usual(&said, 3).join(" "), expected);
    }

    #[test]
    fn what_the_user_says_nothing_about_is_said() {
        check("", "--in-memory --no-telemetry --lcores=0@3");
        check("--no-huge -m 256", "--no-shconf --no-telemetry --lcores=0@3");
        check("--file-prefix=x -l 3", "--no-telemetry");
        check("--file-prefix x --telemetry -c 1", "");
    }
}
