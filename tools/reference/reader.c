// reader: what LMDB itself can do with random reads of a store of Firn's.
//
//     reader DIRECTORY THREADS SECONDS SAMPLES
//
// The server is not running. Rows of the runs are in the named databases r0, r1, … under (namespace,
// hash, key). First the keys of random rows are collected, of each run as many as is its share of all
// rows, by seeking to random hashes, with many threads so that it does not take long. Then, for
// SECONDS, THREADS look keys up out of this sample at random and copy the values. They know which run
// has the key: that is what Firn would cost without protocol, network, checksum and decoding, and
// with filters that are perfect and free. Prints one line of JSON.

#define _GNU_SOURCE
#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"

enum { RUNS_MAX = 1024, KEY_MAX = 56, COLLECTORS = 32, THREADS_MAX = 128 };

struct sample { uint32_t run; uint32_t length; char key[KEY_MAX]; };

struct reader {
    pthread_t thread;
    uint64_t random;
    struct sample *samples;
    size_t wanted, reads, missing;
    double seconds;
};

static MDB_env *env;
static MDB_dbi runs[RUNS_MAX];
static size_t entries[RUNS_MAX], total;
static int run_count;
static double seconds_wanted;

static void check(int status, const char *what) {
    if (status == 0) return;
    fprintf(stderr, "reader: %s: %s\n", what, mdb_strerror(status));
    exit(1);
}

static void open_runs(void) {
    MDB_txn *txn;
    MDB_dbi names;
    MDB_cursor *cursor;
    MDB_val key, value;
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    check(mdb_dbi_open(txn, NULL, 0, &names), "names");
    check(mdb_cursor_open(txn, names, &cursor), "cursor");
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        char name[32] = {0};
        if (key.mv_size < 2 || key.mv_size >= sizeof name) continue;
        memcpy(name, key.mv_data, key.mv_size);
        if (name[0] != 'r' || strspn(name + 1, "0123456789") != key.mv_size - 1) continue;
        MDB_stat stat;
        if (run_count == RUNS_MAX) break;
        check(mdb_dbi_open(txn, name, 0, &runs[run_count]), name);
        check(mdb_stat(txn, runs[run_count], &stat), "stat");
        if (stat.ms_entries == 0) continue;
        total += entries[run_count++] = stat.ms_entries;
    }
    mdb_cursor_close(cursor);
    check(mdb_txn_commit(txn), "commit");
}

// A row at random of a run at random: the one behind a random place in hash order.
static int collect(MDB_txn *txn, struct reader *me, struct sample *sample) {
    MDB_cursor *cursor;
    MDB_val first, last, value;
    size_t pick = mix(me->random++) % total;
    int run = 0;
    while (pick >= entries[run]) pick -= entries[run++];
    check(mdb_cursor_open(txn, runs[run], &cursor), "cursor");
    check(mdb_cursor_get(cursor, &last, &value, MDB_LAST), "last");
    check(mdb_cursor_get(cursor, &first, &value, MDB_FIRST), "first");
    uint64_t low, high, place;
    memcpy(&low, (char *)first.mv_data + 4, 8);
    memcpy(&high, (char *)last.mv_data + 4, 8);
    low = __builtin_bswap64(low);
    high = __builtin_bswap64(high);
    place = low + (high > low ? mix(me->random++) % (high - low) : 0);
    char from[12];
    memcpy(from, first.mv_data, 4);
    place = __builtin_bswap64(place);
    memcpy(from + 4, &place, 8);
    MDB_val key = {sizeof from, from};
    int found = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE) == 0 && key.mv_size <= KEY_MAX;
    if (found) {
        sample->run = (uint32_t)run;
        sample->length = (uint32_t)key.mv_size;
        memcpy(sample->key, key.mv_data, key.mv_size);
    }
    mdb_cursor_close(cursor);
    return found;
}

// The samples of all threads.
static struct sample *samples;
static size_t collected;

static void *gather(void *argument) {
    struct reader *me = argument;
    MDB_txn *txn;
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    for (size_t i = 0; i < me->wanted; i++) me->reads += (size_t)collect(txn, me, &me->samples[me->reads]);
    mdb_txn_abort(txn);
    return NULL;
}

static void *run(void *argument) {
    struct reader *me = argument;
    MDB_txn *txn;
    char copy[4096];
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
    double begun = now(), end = begun + seconds_wanted;
    for (;; me->reads++) {
        if (me->reads % 64 == 0) {
            if (now() >= end) break;
            mdb_txn_reset(txn);
            check(mdb_txn_renew(txn), "renew");
        }
        struct sample *sample = &samples[mix(me->random++) % collected];
        MDB_val key = {sample->length, sample->key}, value;
        if (mdb_get(txn, runs[sample->run], &key, &value) == 0)
            memcpy(copy, value.mv_data, value.mv_size < sizeof copy ? value.mv_size : sizeof copy);
        else
            me->missing++;
        __asm__ volatile("" : : "r"(copy) : "memory");
    }
    me->seconds = now() - begun;
    mdb_txn_abort(txn);
    return NULL;
}

static void all(struct reader *readers, int threads, void *(*body)(void *)) {
    for (int i = 0; i < threads; i++) {
        readers[i].random = (uint64_t)(i + (body == run ? THREADS_MAX : 0)) << 32;
        pthread_create(&readers[i].thread, NULL, body, &readers[i]);
    }
    for (int i = 0; i < threads; i++) pthread_join(readers[i].thread, NULL);
}

int main(int count, char **arguments) {
    if (count != 5) return fprintf(stderr, "see reader.c\n"), 2;
    int threads = atoi(arguments[2]);
    seconds_wanted = atof(arguments[3]);
    size_t wanted = strtoull(arguments[4], NULL, 10) / COLLECTORS;
    if (threads < 1 || threads > THREADS_MAX) return 2;
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_maxdbs(env, 3 * RUNS_MAX), "databases");
    check(mdb_env_set_maxreaders(env, 2 * THREADS_MAX), "readers");
    check(mdb_env_open(env, arguments[1], MDB_RDONLY | MDB_NOTLS | MDB_NORDAHEAD, 0600), "open");
    open_runs();
    if (total == 0) return fprintf(stderr, "reader: no rows\n"), 1;

    static struct reader collectors[COLLECTORS], readers[THREADS_MAX];
    samples = malloc(COLLECTORS * wanted * sizeof *samples);
    for (int i = 0; i < COLLECTORS; i++) {
        collectors[i].samples = samples + (size_t)i * wanted;
        collectors[i].wanted = wanted;
    }
    all(collectors, COLLECTORS, gather);
    for (int i = 0; i < COLLECTORS; i++) {
        memmove(samples + collected, collectors[i].samples, collectors[i].reads * sizeof *samples);
        collected += collectors[i].reads;
    }
    all(readers, threads, run);
    size_t reads = 0, missing = 0;
    double seconds = 0;
    for (int i = 0; i < threads; i++) {
        reads += readers[i].reads;
        missing += readers[i].missing;
        if (readers[i].seconds > seconds) seconds = readers[i].seconds;
    }
    printf("{\"rows\": %zu, \"runs\": %d, \"reads\": %zu, \"missing\": %zu, \"rate\": %.0f}\n", total,
        run_count, reads, missing, (double)reads / seconds);
    return 0;
}
