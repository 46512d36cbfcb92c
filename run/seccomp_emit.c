/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF, written backwards. */
#include "run/seccomp_emit.h"

#include "base/base.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

void seccomp_emitter_init(struct seccomp_emitter *emitter)
{
    emitter->count = 0;
    emitter->failed = false;
    emitter->shared_count = 0;
}

static size_t emit(struct seccomp_emitter *emitter, uint16_t code, uint32_t k, size_t jt, size_t jf)
{
    if (emitter->count == SECCOMP_FILTER_MAX) {
        emitter->failed = true;
        return emitter->count;
    }
    emitter->count++;
    emitter->space[SECCOMP_FILTER_MAX - emitter->count] =
        (struct sock_filter){code, (uint8_t)jt, (uint8_t)jf, k};
    return emitter->count;
}

/* The test that will be written next may have a stepping stone before it. */
static bool is_far(const struct seccomp_emitter *emitter, size_t label)
{
    return emitter->count - label >= UINT8_MAX;
}

/* `ja` takes 32 bits; another instruction that returns is as good as a jump to one. */
static size_t step(struct seccomp_emitter *emitter, size_t label)
{
    const struct sock_filter *target = &emitter->space[SECCOMP_FILTER_MAX - label];
    if (target->code == (BPF_RET | BPF_K))
        return seccomp_emit_action(emitter, target->k);
    return emit(emitter, BPF_JMP | BPF_JA, (uint32_t)(emitter->count - label), 0, 0);
}

/* Such an instruction goes on with the one that was written last. */
static void fall_to(struct seccomp_emitter *emitter, size_t label)
{
    if (label != emitter->count)
        (void)emit(emitter, BPF_JMP | BPF_JA, (uint32_t)(emitter->count - label), 0, 0);
}

size_t seccomp_emit_load(struct seccomp_emitter *emitter, size_t offset, size_t next)
{
    fall_to(emitter, next);
    return emit(emitter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

size_t seccomp_emit_and(struct seccomp_emitter *emitter, uint32_t mask, size_t next)
{
    fall_to(emitter, next);
    return emit(emitter, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

size_t seccomp_emit_test(struct seccomp_emitter *emitter, uint16_t op, uint32_t k, size_t holds,
                         size_t fails)
{
    if (holds == fails)
        return holds;
    if (is_far(emitter, holds))
        holds = step(emitter, holds);
    if (is_far(emitter, fails))
        fails = step(emitter, fails);
    return emit(emitter, (uint16_t)(BPF_JMP | op | BPF_K), k, emitter->count - holds,
                emitter->count - fails);
}

static struct seccomp_shared *find_shared(struct seccomp_emitter *emitter, uint32_t action)
{
    for (size_t i = 0; i < emitter->shared_count; i++)
        if (emitter->shared[i].action == action)
            return &emitter->shared[i];
    if (emitter->shared_count == KEG_ARRAY_SIZE(emitter->shared))
        return NULL;
    emitter->shared[emitter->shared_count] = (struct seccomp_shared){action, 0};
    return &emitter->shared[emitter->shared_count++];
}

size_t seccomp_emit_action(struct seccomp_emitter *emitter, uint32_t action)
{
    struct seccomp_shared *shared = find_shared(emitter, action);
    if (shared && shared->label && !is_far(emitter, shared->label))
        return shared->label;
    size_t label = emit(emitter, BPF_RET | BPF_K, action, 0, 0);
    if (shared)
        shared->label = label;
    return label;
}

size_t seccomp_emit_tree(struct seccomp_emitter *emitter, const struct seccomp_leaf *leaves,
                         size_t count, seccomp_emit_chain *emit_chain, void *context)
{
    if (count == 1 && leaves->chain)
        return emit_chain(emitter, context, leaves->chain);
    if (count == 1)
        return seccomp_emit_action(emitter, leaves->action);
    size_t half = count / 2;
    size_t above = seccomp_emit_tree(emitter, leaves + half, count - half, emit_chain, context);
    size_t below = seccomp_emit_tree(emitter, leaves, half, emit_chain, context);
    return seccomp_emit_test(emitter, BPF_JGE, leaves[half].first, above, below);
}

int seccomp_emitter_finish(const struct seccomp_emitter *emitter, struct seccomp_filter *ret)
{
    size_t size = emitter->count * sizeof(struct sock_filter);
    if (emitter->failed)
        return -E2BIG;
    struct sock_filter *instructions = malloc(size);
    if (!instructions)
        return -ENOMEM;
    memcpy(instructions, &emitter->space[SECCOMP_FILTER_MAX - emitter->count], size);
    *ret = (struct seccomp_filter){
        .length = (unsigned short)emitter->count,
        .instructions = instructions,
    };
    return 0;
}
