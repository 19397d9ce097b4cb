// loader: what LMDB itself can do with Firn's way of writing, and nothing else.
//
//     loader DIRECTORY RECORDS KEY-BYTES VALUE-BYTES BATCH-BYTES
//
// Records with random keys are gathered into a batch, sorted, and appended (MDB_APPEND) to a named
// database of their own, a run. Eight runs of one size are merged by cursors into one of the next,
// in transactions of 16 MB, and emptied. No server, no protocol, no log, no filters, one thread:
// what is lost against this figure is lost by Firn. It opens LMDB with the same flags. Prints
// one line of JSON.

#define _GNU_SOURCE
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "common.h"

enum { WIDTH = 8, LEVELS = 12, STEP_BYTES = 16 << 20, AHEAD_SHIFT = 18 };

struct record { uint64_t hash; uint32_t index; };

static MDB_env *env;
static size_t key_bytes, value_bytes, written;

static void check(int status, const char *what) {
    if (status == 0) return;
    fprintf(stderr, "loader: %s: %s\n", what, mdb_strerror(status));
    exit(1);
}

// By hash: eight passes over one byte each.
static void sort(struct record *records, struct record *other, size_t count) {
    for (int shift = 0; shift < 64; shift += 8) {
        size_t at[256] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++) at[records[i].hash >> shift & 255]++;
        for (int i = 0; i < 256; i++) {
            size_t n = at[i];
            at[i] = sum;
            sum += n;
        }
        for (size_t i = 0; i < count; i++) other[at[records[i].hash >> shift & 255]++] = records[i];
        struct record *swap = records;
        records = other;
        other = swap;
    }
}

static MDB_txn *begin(void) {
    MDB_txn *txn;
    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    return txn;
}

// Runs by level: the handles of those that are full, and of those that may be used again.
static MDB_dbi runs[LEVELS][WIDTH], spare[LEVELS * WIDTH + WIDTH];
static int run_count[LEVELS], spare_count, made;

static MDB_dbi new_run(void) {
    if (spare_count > 0) return spare[--spare_count];
    MDB_txn *txn = begin();
    MDB_dbi dbi;
    char name[16];
    snprintf(name, sizeof name, "r%d", made++);
    check(mdb_dbi_open(txn, name, MDB_CREATE, &dbi), name);
    check(mdb_txn_commit(txn), "commit");
    return dbi;
}

static void append(MDB_cursor *cursor, MDB_val *key, MDB_val *value) {
    check(mdb_cursor_put(cursor, key, value, MDB_APPEND), "put");
    written++;
}

// A run was written in the order in which it is read, so what lies behind a page is needed soon. Without
// this, merging waits for single pages: a quarter of the speed.
static void read_ahead(uintptr_t *block, const void *at) {
    if ((uintptr_t)at >> AHEAD_SHIFT == *block) return;
    *block = (uintptr_t)at >> AHEAD_SHIFT;
    madvise((void *)(*block << AHEAD_SHIFT), (size_t)2 << AHEAD_SHIFT, MADV_WILLNEED);
}

// The runs of a level become one of the next.
static void merge(int level) {
    MDB_dbi target = new_run();
    char last[512];
    size_t last_bytes = 0;
    uintptr_t blocks[WIDTH] = {0};
    for (int done = 0; !done;) {
        MDB_txn *txn = begin();
        MDB_cursor *out, *in[WIDTH];
        MDB_val key[WIDTH], value[WIDTH];
        int live = 0;
        check(mdb_cursor_open(txn, target, &out), "cursor");
        for (int i = 0; i < WIDTH; i++) {
            check(mdb_cursor_open(txn, runs[level][i], &in[i]), "cursor");
            key[i] = (MDB_val){last_bytes, last};
            int status = mdb_cursor_get(in[i], &key[i], &value[i], last_bytes ? MDB_SET_RANGE : MDB_FIRST);
            if (status == 0 && last_bytes && key[i].mv_size == last_bytes
                && memcmp(key[i].mv_data, last, last_bytes) == 0)
                status = mdb_cursor_get(in[i], &key[i], &value[i], MDB_NEXT);
            if (status != 0) key[i].mv_data = NULL;
            else live++;
        }
        size_t bytes = 0;
        while (live > 0 && bytes < STEP_BYTES) {
            int least = -1;
            for (int i = 0; i < WIDTH; i++)
                if (key[i].mv_data
                    && (least < 0 || memcmp(key[i].mv_data, key[least].mv_data, key_bytes) < 0))
                    least = i;
            last_bytes = key[least].mv_size;
            memcpy(last, key[least].mv_data, last_bytes);
            read_ahead(&blocks[least], key[least].mv_data);
            append(out, &key[least], &value[least]);
            bytes += last_bytes + value[least].mv_size;
            if (mdb_cursor_get(in[least], &key[least], &value[least], MDB_NEXT) != 0) {
                key[least].mv_data = NULL;
                live--;
            }
        }
        done = live == 0;
        if (done)
            for (int i = 0; i < WIDTH; i++) {
                check(mdb_drop(txn, runs[level][i], 0), "drop");
                spare[spare_count++] = runs[level][i];
            }
        check(mdb_txn_commit(txn), "commit");
    }
    run_count[level] = 0;
    runs[level + 1][run_count[level + 1]++] = target;
    if (run_count[level + 1] == WIDTH) merge(level + 1);
}

int main(int count, char **arguments) {
    if (count != 6) return fprintf(stderr, "see loader.c\n"), 2;
    size_t records = strtoull(arguments[2], NULL, 10);
    key_bytes = strtoull(arguments[3], NULL, 10);
    value_bytes = strtoull(arguments[4], NULL, 10);
    size_t batch = strtoull(arguments[5], NULL, 10) / (key_bytes + value_bytes);
    if (key_bytes < 20 || key_bytes > 500 || value_bytes < 8 || batch < 1) return 2;

    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, (size_t)1 << 40), "map");
    check(mdb_env_set_maxdbs(env, 256), "databases");
    check(mdb_env_open(env, arguments[1], MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMETASYNC, 0600), "open");

    struct record *order = malloc(batch * sizeof *order), *other = malloc(batch * sizeof *order);
    char *rows = malloc(batch * (key_bytes + value_bytes));
    double begun = now();
    for (size_t start = 0; start < records; start += batch) {
        size_t n = records - start < batch ? records - start : batch;
        for (size_t i = 0; i < n; i++) {
            char *row = rows + i * (key_bytes + value_bytes);
            order[i] = (struct record){mix(start + i), (uint32_t)i};
            uint64_t big = __builtin_bswap64(order[i].hash);
            memset(row, 0, 4);
            memcpy(row + 4, &big, 8);
            for (size_t at = 12; at < key_bytes + value_bytes; at += 8) {
                uint64_t random = mix(order[i].hash + at);
                size_t left = key_bytes + value_bytes - at;
                memcpy(row + at, &random, left < 8 ? left : 8);
            }
        }
        sort(order, other, n);
        MDB_dbi run = new_run();
        MDB_txn *txn = begin();
        MDB_cursor *cursor;
        check(mdb_cursor_open(txn, run, &cursor), "cursor");
        for (size_t i = 0; i < n; i++) {
            char *row = rows + order[i].index * (key_bytes + value_bytes);
            MDB_val key = {key_bytes, row}, value = {value_bytes, row + key_bytes};
            append(cursor, &key, &value);
        }
        check(mdb_txn_commit(txn), "commit");
        runs[0][run_count[0]++] = run;
        if (run_count[0] == WIDTH) merge(0);
    }
    check(mdb_env_sync(env, 1), "sync");
    double seconds = now() - begun;
    printf("{\"records\": %zu, \"seconds\": %.3f, \"rate\": %.0f, \"writesARecord\": %.2f}\n", records,
        seconds, (double)records / seconds, (double)written / (double)records);
    mdb_env_close(env);
    return 0;
}
