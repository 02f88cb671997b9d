//! What the service may ask of the kernel: seccomp (`seccomp(2)`), as a list of what it may not.
//!
//! A list of what it *may* would be shorter, and stricter. But it would be a list of what today's C library, allocator and kernel
//! happen to use: the next version uses another call, and a service that has run for a year dies at night on a thread that
//! it cannot start. What is forbidden here no version of anything in this program needs, and it is refused (`EPERM`), not punished by
//! death. With another user, no capabilities and landlock before it, this is the last wall, not the only one: it keeps those parts of the
//! kernel away in which most of the ways out were found.

use super::Sandbox;
use crate::service::log::{Field, Log};
use libc::c_long;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use std::collections::BTreeMap;

/// Starting other programs; allowed where a command is run for each file.
const PROGRAMS: [c_long; 2] = [libc::SYS_execve, libc::SYS_execveat];

/// Loading programs into the kernel; allowed where XDP is used.
const BPF: [c_long; 1] = [libc::SYS_bpf];

/// Everything else that nothing of ours needs.
const NEVER: &[c_long] = &[
    // Other processes' memory and files.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // The tree of files.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_mknodat,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    // Other kernels, and parts of this one.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    // Large and young parts of the kernel, in which holes were found again and again.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_memfd_secret,
    // Keys that are not ours.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Namespaces: in a new one, anybody is root.
    libc::SYS_unshare,
    libc::SYS_setns,
    // The host's clock, names and log.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_personality,
    // Who we are is settled by now.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
];

/// What only x86 has: ports, segments, and older names of the same.
#[cfg(target_arch = "x86_64")]
const NEVER_ON_X86: [c_long; 5] =
    [libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS_mknod];

/// The kernel of x86 has a second way in (x32), with this bit in each number, and numbers of its own for these.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_PROGRAMS: [c_long; 2] = [520, 545];
/// `ptrace`, `kexec_load`, `process_vm_readv`, `process_vm_writev`.
#[cfg(target_arch = "x86_64")]
const X32_NEVER: [c_long; 4] = [521, 528, 539, 540];

/// Builds the wall, or says in the log why it cannot stand. Tells which.
pub(super) fn restrict(sandbox: &Sandbox, log: &Log) -> &'static str {
    let install = || -> Result<(), seccompiler::Error> {
        let program = program(&forbidden(sandbox))?;
        seccompiler::apply_filter(&program)
    };
    match install() {
        Ok(()) => "restricted",
        Err(error) => {
            log.warn("system calls are not restricted", &[("why", Field::text(error))]);
            "free"
        }
    }
}

/// The numbers of all calls that are refused.
fn forbidden(sandbox: &Sandbox) -> Vec<c_long> {
    let mut numbers = NEVER.to_vec();
    if !sandbox.commands {
        numbers.extend(PROGRAMS);
    }
    if !sandbox.bpf {
        numbers.extend(BPF);
    }
    #[cfg(target_arch = "x86_64")]
    {
        numbers.extend(NEVER_ON_X86);
        let own = if sandbox.commands { &[][..] } else { &X32_PROGRAMS };
        let all = numbers.iter().chain(&X32_NEVER).chain(own);
        let twins: Vec<c_long> = all.map(|number| number | X32).collect();
        numbers.extend(twins);
    }
    numbers
}

fn program(forbidden: &[c_long]) -> Result<BpfProgram, seccompiler::BackendError> {
    let rules: BTreeMap<i64, Vec<_>> = forbidden.iter().map(|number| (*number, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(sandbox: &Sandbox, number: c_long) -> bool {
        forbidden(sandbox).contains(&number)
    }

    #[test]
    fn programs_are_started_only_where_a_command_is_run() {
        let commands = Sandbox { commands: true, ..Sandbox::default() };
        for number in PROGRAMS {
            assert!(has(&Sandbox::default(), number) && !has(&commands, number));
        }
        assert!(has(&commands, libc::SYS_ptrace));
    }

    #[test]
    fn the_kernel_is_programmed_only_with_xdp() {
        let bpf = Sandbox { bpf: true, ..Sandbox::default() };
        assert!(has(&Sandbox::default(), libc::SYS_bpf) && !has(&bpf, libc::SYS_bpf));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_second_way_in_is_closed_too() {
        for number in [libc::SYS_mount | X32, 521 | X32, 520 | X32] {
            assert!(has(&Sandbox::default(), number), "{number:#x}");
        }
        let commands = Sandbox { commands: true, ..Sandbox::default() };
        assert!(!has(&commands, 520 | X32));
    }

    #[test]
    fn the_filter_is_one_that_the_kernel_takes() {
        let length = program(&forbidden(&Sandbox::default())).expect("it compiles").len();
        // The kernel's own bound.
        assert!((2..4096).contains(&length), "{length}");
    }
}
