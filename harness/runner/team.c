#include "team.h"

#include <errno.h>

#include "dead_stack.h"
#include "gc_backend.h"

/* Not inlined, so that no reference of the workload outlives it in a frame or a register. */
__attribute__((noinline)) static uint64_t iterate(const struct workload *workload,
                                                  struct workload_thread *thread)
{
    workload_operation_begin(thread);
    return workload->iterate(thread);
}

static void *work(void *data)
{
    struct team_member *worker = data;
    struct team *team = worker->team;
    struct gc_mutator *mutator = gc_backend.attach();
    int attach_error = mutator ? 0 : errno ? errno : ENOMEM;
    worker->thread.mutator = mutator;
    if (mutator)
        gc_backend.enter_blocked(mutator);

    uint64_t checksum = 0;
    unsigned round = 0;
    for (;;) {
        pthread_mutex_lock(&team->lock);
        team->checksum += checksum;
        if (attach_error)
            team->attach_error = attach_error;
        if (--team->busy_count == 0)
            pthread_cond_signal(&team->ended);
        while (team->round == round && !team->over)
            pthread_cond_wait(&team->begin, &team->lock);
        bool over = team->over;
        round = team->round;
        pthread_mutex_unlock(&team->lock);
        if (over)
            break;
        gc_backend.leave_blocked(mutator);
        checksum = iterate(team->workload, &worker->thread);
        dead_stack_clear();
        gc_backend.enter_blocked(mutator);
    }
    if (mutator) {
        gc_backend.leave_blocked(mutator);
        gc_backend.detach(mutator);
    }
    return NULL;
}

/* Waits for the workers. They may be stopped for a collection meanwhile, or need to wait for one.
 */
static void wait_until_idle(struct team *team)
{
    struct gc_mutator *main_mutator = team->members[0].thread.mutator;
    gc_backend.enter_blocked(main_mutator);
    pthread_mutex_lock(&team->lock);
    while (team->busy_count > 0)
        pthread_cond_wait(&team->ended, &team->lock);
    pthread_mutex_unlock(&team->lock);
    gc_backend.leave_blocked(main_mutator);
}

/* Ends and joins workers 1 .. started. */
static void dismiss(struct team *team, unsigned started)
{
    pthread_mutex_lock(&team->lock);
    team->over = true;
    pthread_cond_broadcast(&team->begin);
    pthread_mutex_unlock(&team->lock);
    gc_backend.enter_blocked(team->members[0].thread.mutator);
    for (unsigned i = 1; i <= started; i++)
        pthread_join(team->members[i].pthread, NULL);
    gc_backend.leave_blocked(team->members[0].thread.mutator);
    pthread_cond_destroy(&team->ended);
    pthread_cond_destroy(&team->begin);
    pthread_mutex_destroy(&team->lock);
}

int team_start(struct team *team)
{
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begin, NULL);
    pthread_cond_init(&team->ended, NULL);
    team->round = 0;
    team->over = false;
    team->attach_error = 0;
    team->busy_count = team->count - 1;
    for (unsigned i = 1; i < team->count; i++) {
        struct team_member *worker = &team->members[i];
        worker->team = team;
        int error = pthread_create(&worker->pthread, NULL, work, worker);
        if (error) {
            dismiss(team, i - 1);
            return -error;
        }
    }
    wait_until_idle(team);
    if (team->attach_error) {
        dismiss(team, team->count - 1);
        return -team->attach_error;
    }
    return 0;
}

uint64_t team_iterate(struct team *team)
{
    if (team->count == 1) {
        uint64_t own = iterate(team->workload, &team->members[0].thread);
        dead_stack_clear();
        return own;
    }
    pthread_mutex_lock(&team->lock);
    team->checksum = 0;
    team->busy_count = team->count - 1;
    team->round++;
    pthread_cond_broadcast(&team->begin);
    pthread_mutex_unlock(&team->lock);
    uint64_t own = iterate(team->workload, &team->members[0].thread);
    dead_stack_clear();
    wait_until_idle(team);
    return team->checksum + own;
}

void team_finish(struct team *team)
{
    dismiss(team, team->count - 1);
}
