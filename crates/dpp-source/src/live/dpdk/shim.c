/* What of DPDK cannot be called from Rust: inline functions, and structures that change from release to release.
 *
 * Nothing is decided here. A port is configured as it is told; packets are given as pointers to their bytes. Who calls what, and
 * in which order, is kept by sys.rs, the only caller.
 */
#define _GNU_SOURCE /* fopencookie */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_config.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

/* What DPDK says while something is tried, which tells more than its error numbers do. Guarded by the lock of the stream. */
static FILE *stream;
static char said[4096];
static size_t said_bytes;
static int is_heard;

static ssize_t hear(void *cookie, const char *text, size_t bytes)
{
    size_t more = RTE_MIN(bytes, sizeof(said) - said_bytes);
    (void)cookie;
    if (!is_heard)
        return fwrite(text, 1, bytes, stderr) == bytes ? (ssize_t)bytes : -1;
    memcpy(said + said_bytes, text, more);
    said_bytes += more;
    return bytes;
}

/* From now on what DPDK says is kept. The stream lives as long as the process, for DPDK's own threads use it. */
int dpp_dpdk_listen(void)
{
    if (stream == NULL) {
        stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = hear });
        if (stream == NULL || rte_openlog_stream(stream) != 0)
            return -ENOMEM;
        rte_log_set_global_level(RTE_LOG_WARNING);
    }
    flockfile(stream);
    said_bytes = 0;
    is_heard = 1;
    funlockfile(stream);
    return 0;
}

/* From now on what DPDK says goes to stderr again. What was said since stands until the next dpp_dpdk_listen. */
size_t dpp_dpdk_said(const char **text)
{
    *text = said;
    if (stream == NULL)
        return 0;
    flockfile(stream);
    is_heard = 0;
    funlockfile(stream);
    return said_bytes;
}

int dpp_dpdk_init(int argc, char **argv)
{
    return rte_eal_init(argc, argv) < 0 ? -rte_errno : 0;
}

/* Makes a device known, which must have a driver: a virtual one, or one on a bus. */
int dpp_dpdk_probe(const char *device)
{
    return rte_dev_probe(device);
}

/* The number of the port of this name, or below 0. */
int dpp_dpdk_port(const char *name)
{
    uint16_t port;
    int error = rte_eth_dev_get_port_by_name(name, &port);
    return error != 0 ? error : port;
}

/* The first port from this number on, or -ENODEV, with its name. `name` has room for RTE_ETH_NAME_MAX_LEN (64) bytes. */
int dpp_dpdk_next_port(uint16_t from, char *name)
{
    uint16_t port = rte_eth_find_next(from);
    if (port >= RTE_MAX_ETHPORTS || rte_eth_dev_get_name_by_port(port, name) != 0)
        return -ENODEV;
    return port;
}

struct dpp_dpdk_kind {
    char driver[64];
    uint16_t queues_max;
    /* Whether the device divides packets among queues as it is told; others do as they like. */
    uint16_t divides;
};

int dpp_dpdk_kind(uint16_t port, struct dpp_dpdk_kind *kind)
{
    struct rte_eth_dev_info info;
    int error = rte_eth_dev_info_get(port, &info);
    if (error != 0)
        return error;
    snprintf(kind->driver, sizeof(kind->driver), "%s", info.driver_name != NULL ? info.driver_name : "");
    kind->queues_max = info.max_rx_queues;
    kind->divides = info.flow_type_rss_offloads != 0;
    return 0;
}

struct dpp_dpdk_port {
    uint16_t id;
    /* Where in an mbuf the device writes its time, or -1, and the flag that tells that it did. */
    int time_at;
    uint64_t time_flag;
    struct rte_mempool *pool;
};

#define HASHED (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)
/* Buffers that a thread keeps at hand. */
#define CACHE 256

/* How a port is opened. The key for dividing packets among queues is read as long as the port is open. */
struct dpp_dpdk_opening {
    uint16_t port;
    uint16_t queues;
    uint16_t burst;
    uint16_t descriptors;
    uint16_t promiscuous;
    uint16_t key_bytes;
    const uint8_t *key;
};

static int set_up(struct dpp_dpdk_port *port, const struct dpp_dpdk_opening *wanted, const char **step)
{
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_NONE };
    uint16_t queues = wanted->queues, descriptors = wanted->descriptors, senders, sent = 64;
    int socket = rte_eth_dev_socket_id(port->id), error;
    char name[32];

    *step = "what the device can do";
    if ((error = rte_eth_dev_info_get(port->id, &info)) != 0)
        return error;

    *step = "configuration";
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    if (queues > 1 && info.flow_type_rss_offloads != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = HASHED & info.flow_type_rss_offloads;
        if (info.hash_key_size <= wanted->key_bytes) {
            conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)wanted->key; /* Drivers only read it. */
            conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size != 0 ? info.hash_key_size : 40;
        }
    }
    /* Nothing is ever sent, but some drivers take no port that cannot. */
    senders = RTE_MIN(info.max_tx_queues, 1);
    if ((error = rte_eth_dev_configure(port->id, queues, senders, &conf)) != 0)
        return error;
    if ((error = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &descriptors, &sent)) != 0)
        return error;

    *step = "memory for packets";
    snprintf(name, sizeof(name), "dpp-%u", port->id);
    port->pool = rte_pktmbuf_pool_create(name, queues * (descriptors + wanted->burst + 2 * CACHE) + sent, CACHE, 0,
                                         RTE_MBUF_DEFAULT_BUF_SIZE, socket);
    if (port->pool == NULL)
        return -rte_errno;

    *step = "queues";
    for (uint16_t queue = 0; queue < queues; queue++) {
        error = rte_eth_rx_queue_setup(port->id, queue, descriptors, socket, NULL, port->pool);
        if (error != 0)
            return error;
    }
    if (senders != 0 && (error = rte_eth_tx_queue_setup(port->id, 0, sent, socket, NULL)) != 0)
        return error;

    *step = "start";
    if ((error = rte_eth_dev_start(port->id)) != 0)
        return error;

    *step = "promiscuous mode";
    error = wanted->promiscuous ? rte_eth_promiscuous_enable(port->id) : rte_eth_promiscuous_disable(port->id);
    return error == -ENOTSUP ? 0 : error;
}

/* Ports that are open. */
static uint8_t is_open[RTE_MAX_ETHPORTS];

/* Stops the port, forgets its device, so that it can be found again, and gives back its memory. */
void dpp_dpdk_close(struct dpp_dpdk_port *port)
{
    struct rte_eth_dev_info info, other;
    int is_known = rte_eth_dev_info_get(port->id, &info) == 0;
    uint16_t id;

    rte_eth_dev_stop(port->id);
    rte_eth_dev_close(port->id);
    RTE_ETH_FOREACH_DEV(id)
        if (is_known && rte_eth_dev_info_get(id, &other) == 0 && other.device == info.device)
            is_known = 0; /* A device with several ports stays for the others. */
    if (is_known)
        rte_dev_remove(info.device);
    rte_mempool_free(port->pool);
    is_open[port->id] = 0;
    free(port);
}

/* Starts a port. If that fails, `step` tells where, and it is closed. */
int dpp_dpdk_open(const struct dpp_dpdk_opening *wanted, struct dpp_dpdk_port **opened, const char **step)
{
    struct dpp_dpdk_port *port;
    int flag, error;

    *step = "another source has it";
    if (wanted->port >= RTE_MAX_ETHPORTS || is_open[wanted->port])
        return -EBUSY;
    *step = "memory";
    port = calloc(1, sizeof(*port));
    if (port == NULL)
        return -ENOMEM;
    port->id = wanted->port;
    is_open[port->id] = 1;
    error = set_up(port, wanted, step);
    if (error != 0) {
        dpp_dpdk_close(port);
        return error;
    }
    port->time_at = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    if (flag >= 0)
        port->time_flag = RTE_BIT64(flag);
    else
        port->time_at = -1;
    *opened = port;
    return 0;
}

/* What the device lost so far: packets for which nobody had room, and packets that were damaged. */
int dpp_dpdk_lost(const struct dpp_dpdk_port *port, uint64_t *missed, uint64_t *damaged)
{
    struct rte_eth_stats stats;
    int error = rte_eth_stats_get(port->id, &stats);
    if (error == 0) {
        *missed = stats.imissed + stats.rx_nombuf;
        *damaged = stats.ierrors;
    }
    return error;
}

/* Gives the thread a cache of buffers. Without one it is slower, and that is all. */
int dpp_dpdk_enter(void)
{
    return rte_thread_register();
}

void dpp_dpdk_leave(void)
{
    rte_thread_unregister();
}

#define HAS_TAG 1
#define HAS_OUTER_TAG 2
#define HAS_TIME 4

struct dpp_dpdk_packet {
    struct rte_mbuf *mbuf;
    /* The first piece; further ones are found with dpp_dpdk_piece. */
    const uint8_t *data;
    uint64_t time;
    uint32_t bytes;
    uint16_t pieces;
    uint16_t flags;
    uint16_t tag;
    uint16_t outer_tag;
};

_Static_assert(sizeof(struct dpp_dpdk_packet) == 40, "sys.rs has the same structure");

/* Takes up to `max` packets out of a queue. */
uint16_t dpp_dpdk_receive(const struct dpp_dpdk_port *port, uint16_t queue, struct rte_mbuf **mbufs,
                          struct dpp_dpdk_packet *packets, uint16_t max)
{
    uint16_t received = rte_eth_rx_burst(port->id, queue, mbufs, max);
    for (uint16_t at = 0; at < received; at++) {
        struct rte_mbuf *mbuf = mbufs[at];
        struct dpp_dpdk_packet *packet = &packets[at];
        packet->mbuf = mbuf;
        packet->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
        packet->bytes = mbuf->data_len;
        packet->pieces = mbuf->nb_segs;
        packet->tag = mbuf->vlan_tci;
        packet->outer_tag = mbuf->vlan_tci_outer;
        packet->flags = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? HAS_TAG : 0)
                      | (mbuf->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED ? HAS_OUTER_TAG : 0);
        if (port->time_at >= 0 && (mbuf->ol_flags & port->time_flag) != 0) {
            packet->time = *RTE_MBUF_DYNFIELD(mbuf, port->time_at, rte_mbuf_timestamp_t *);
            packet->flags |= HAS_TIME;
        }
    }
    return received;
}

/* The next piece of a packet, or NULL. */
const struct rte_mbuf *dpp_dpdk_piece(const struct rte_mbuf *mbuf, const uint8_t **data, uint32_t *bytes)
{
    const struct rte_mbuf *next = mbuf->next;
    if (next != NULL) {
        *data = rte_pktmbuf_mtod(next, const uint8_t *);
        *bytes = next->data_len;
    }
    return next;
}

/* Gives packets back. */
void dpp_dpdk_free(struct rte_mbuf **mbufs, uint16_t count)
{
    rte_pktmbuf_free_bulk(mbufs, count);
}
