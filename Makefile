# The two commands of the README are `make demo` and `make test`; each does all its set-up. The rest is for developers.

CARGO ?= cargo
DPP := target/release/dpp

.PHONY: demo test dpdk check peers bench abuse soak instructions fuzz fuzz-smoke schema deny clean

# DNS transactions from a real capture that comes with the project.
demo: $(DPP)
	@$(DPP) --silent demo/dns.pcap - | head -12 | column -s, -t 2>/dev/null || $(DPP) --silent demo/dns.pcap - | head -12
	@echo
	@echo "That was: dpp demo/dns.pcap -     Now try: $(DPP) YOUR.pcap out.parquet"

.PHONY: $(DPP)
$(DPP):
	@$(CARGO) build --quiet --release --locked -p dpp-cli

# The library and the program are both called dpp, and are written to one place: one after the other.
DOC := RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --locked --no-deps --document-private-items --quiet

# Everything that must hold.
test: peers check
	$(CARGO) test --locked --workspace
	$(CARGO) test --locked -p dpp-source --features xdp --lib xdp
	$(CARGO) test --locked --workspace --features dpp-cli/otlp --bin dpp --test service otlp
	$(MAKE) fuzz-smoke

# Ports of DPDK, a feature that needs libdpdk: on Debian 220 packages, so `make test` goes without.
dpdk:
	$(CARGO) clippy --locked -p dpp-source --features dpdk --all-targets -- -D warnings
	$(CARGO) test --locked -p dpp-source --features dpdk --lib --test dpdk

check:
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked -p dpp-cli -p dpp-source --features xdp,dpp-cli/otlp --all-targets -- -D warnings
	$(DOC) --workspace --exclude dpp-cli
	$(DOC) --package dpp-cli

# The programs that tests start. Missing ones are installed, or the reason is told.
peers:
	@tools/peers

# Figures for the README: CPU time against md5sum, memory, scaling.
bench: $(DPP)
	@benches/bench $(DPP)

# CPU time and memory for traffic made to cost: whether work is linear and memory bounded.
abuse: $(DPP)
	@benches/abuse $(DPP)

# Two hours of dnstap from a server: whether memory is flat and each query a row.
soak: $(DPP)
	@benches/soak $(DPP)

# Instructions per packet, which no noise disturbs.
instructions: $(DPP)
	@benches/instructions $(DPP)

fuzz-smoke:
	@fuzz/run 20

fuzz:
	@fuzz/run 1200

# docs/schema.md is made from the column table, docs/metrics.md from what a service says.
schema:
	DPP_UPDATE=1 $(CARGO) test --locked -p dpp-cli --test house --bin dpp

deny:
	$(CARGO) deny --locked check

clean:
	$(CARGO) clean
