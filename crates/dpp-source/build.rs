//! Compiles the C side of DPDK (`src/live/dpdk/shim.c`) where the feature `dpdk` is on. Otherwise it does nothing, and needs
//! nothing: neither a C compiler nor DPDK.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "dpdk")]
    dpdk::build();
}

#[cfg(feature = "dpdk")]
mod dpdk {
    use std::env;
    use std::process::Command;

    const SHIM: &str = "src/live/dpdk/shim.c";
    /// Those of DPDK's sixty libraries of which the shim calls something; drivers are loaded when DPDK starts.
    const LIBRARIES: &[&str] = &["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal"];
    /// The release in which the names of ethdev got their prefix.
    const RELEASE_MIN: &str = "libdpdk >= 21.11";

    pub(super) fn build() {
        println!("cargo::rerun-if-changed={SHIM}");
        println!("cargo::rerun-if-env-changed=PKG_CONFIG");
        println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
        let mut shim = cc::Build::new();
        shim.file(SHIM).std("gnu11").warnings(true);
        // DPDK's inline functions are compiled here, for the processors that its libraries were compiled for.
        ask("--cflags").iter().for_each(|flag| {
            shim.flag(flag);
        });
        shim.compile("dpp_dpdk");
        for folder in ask("--libs-only-L") {
            println!("cargo::rustc-link-search=native={}", folder.trim_start_matches("-L"));
        }
        LIBRARIES.iter().for_each(|library| println!("cargo::rustc-link-lib={library}"));
    }

    /// What pkg-config says. Not through its crate, which keeps the flags for itself that the headers cannot do without.
    fn ask(what: &str) -> Vec<String> {
        let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
        let told = match Command::new(&program).args([what, RELEASE_MIN]).output() {
            Ok(output) if output.status.success() => output.stdout,
            Ok(output) => refuse(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => refuse(&format!("{program}: {error}")),
        };
        String::from_utf8_lossy(&told).split_whitespace().map(str::to_string).collect()
    }

    fn refuse(why: &str) -> ! {
        eprintln!(
            "The feature dpdk needs {RELEASE_MIN} with its headers, and pkg-config. On Debian: apt-get install"
        );
        eprintln!("--no-install-recommends libdpdk-dev pkg-config. pkg-config says: {why}");
        std::process::exit(1);
    }
}
