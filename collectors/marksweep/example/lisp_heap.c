/* A small Lisp whose objects live in marksweep's heap, limited to 4 MiB, running a program that
 * allocates over 50 times as much. References are held by a registered table (symbols, globals) and
 * by the C stack of the evaluator, which needs to do nothing about it. Build it with
 *     cc lisp_heap.c $(pkg-config --cflags --libs marksweep) */
#include "marksweep/marksweep.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program[] =
    "(define down (lambda (n list) (if (< n 1) list (down (- n 1) (cons n list)))))"
    "(define sum (lambda (list n) (if list (sum (cdr list) (+ (car list) n)) n)))"
    "(define times (lambda (k f n) (if (< k 1) n (times (- k 1) f (+ n (f k))))))"
    "(times 10000 (lambda (k) (sum (down 100 nil) 0)) 0)";
enum { EXPECTED = 10000 * 5050, SYMBOLS = 64 };

enum tag { NUMBER, SYMBOL, PAIR, CLOSURE, BUILTIN };
struct object {
    uint64_t tag;
    struct object *car, *cdr;   /* of a closure, its parameters and its body */
    struct object *environment; /* of a closure */
};
struct leaf {
    uint64_t tag;
    int64_t number; /* of a builtin, its character */
    char name[16];
};
static struct gc_type object_type = GC_TYPE_RECORD(
    struct object, GC_POINTER_BIT(struct object, car) | GC_POINTER_BIT(struct object, cdr) |
                       GC_POINTER_BIT(struct object, environment));
static struct gc_type leaf_type = GC_TYPE_LEAF("number, symbol or builtin");

static struct gc_mutator *m;
static struct { /* registered as roots; nil is NULL */
    struct object *symbols[SYMBOLS];
    struct object *globals; /* list of (symbol . value) */
} vm;
static const char *input = program;

static struct object *leaf(enum tag tag, int64_t number, const char *name, size_t length)
{
    struct leaf *l = gc_alloc(m, &leaf_type, sizeof *l);
    *l = (struct leaf){.tag = tag, .number = number};
    memcpy(l->name, name, length < sizeof l->name ? length : sizeof l->name - 1);
    return (struct object *)l;
}

static struct object *cons(enum tag tag, struct object *car, struct object *cdr,
                           struct object *environment)
{
    struct object *o = gc_alloc(m, &object_type, sizeof *o);
    *o = (struct object){tag, car, cdr, environment};
    return o;
}

static int64_t number(struct object *o)
{
    return ((struct leaf *)o)->number;
}

static struct object *symbol(const char *name, size_t length)
{
    size_t i = 0;
    for (; vm.symbols[i]; i++) /* the table is larger than the program's vocabulary */
        if (strncmp(((struct leaf *)vm.symbols[i])->name, name, length) == 0 &&
            ((struct leaf *)vm.symbols[i])->name[length] == '\0')
            return vm.symbols[i];
    return vm.symbols[i] = leaf(SYMBOL, 0, name, length);
}

static struct object *read_object(void);

static struct object *read_list(void)
{
    input += strspn(input, " ");
    if (*input == ')')
        return input++, NULL;
    struct object *first = read_object();
    return cons(PAIR, first, read_list(), NULL);
}

static struct object *read_object(void)
{
    input += strspn(input, " ");
    if (*input == '(')
        return input++, read_list();
    const char *word = input;
    input += strcspn(input, " ()");
    if (isdigit((unsigned char)*word))
        return leaf(NUMBER, atoll(word), "", 0);
    return strncmp(word, "nil", 3) == 0 ? NULL : symbol(word, (size_t)(input - word));
}

static struct object *lookup(struct object *name, struct object *environment)
{
    for (struct object *lists[] = {environment, vm.globals}, **l = lists; l < lists + 2; l++)
        for (struct object *rest = *l; rest; rest = rest->cdr)
            if (rest->car->car == name)
                return rest->car->cdr;
    fprintf(stderr, "unbound: %s\n", ((struct leaf *)name)->name);
    exit(1);
}

static struct object *call_builtin(int64_t which, struct object *a, struct object *b)
{
    switch (which) {
    case '+':
        return leaf(NUMBER, number(a) + number(b), "", 0);
    case '-':
        return leaf(NUMBER, number(a) - number(b), "", 0);
    case '<':
        return number(a) < number(b) ? a : NULL;
    case 'o':
        return cons(PAIR, a, b, NULL);
    default:
        return which == 'a' ? a->car : a->cdr;
    }
}

static struct object *bind(struct object *name, struct object *value, struct object *environment)
{
    return cons(PAIR, cons(PAIR, name, value, NULL), environment, NULL);
}

/* A call in tail position goes round the loop, so that lists of any length need no C stack. */
static struct object *eval(struct object *x, struct object *environment)
{
    while (x && x->tag == PAIR) {
        struct object *head = x->car, *rest = x->cdr;
        if (head == symbol("define", 6)) {
            vm.globals = bind(rest->car, eval(rest->cdr->car, environment), vm.globals);
            return NULL;
        } else if (head == symbol("lambda", 6)) {
            return cons(CLOSURE, rest->car, rest->cdr->car, environment);
        } else if (head == symbol("if", 2)) {
            rest = rest->cdr;
            x = eval(x->cdr->car, environment) ? rest->car : rest->cdr->car;
            continue;
        }
        struct object *function = eval(head, environment);
        if (function->tag == BUILTIN) {
            struct object *a = eval(rest->car, environment);
            return call_builtin(number(function), a,
                                rest->cdr ? eval(rest->cdr->car, environment) : NULL);
        }
        struct object *inner = function->environment;
        for (struct object *p = function->car; p; p = p->cdr, rest = rest->cdr)
            inner = bind(p->car, eval(rest->car, environment), inner);
        environment = inner;
        x = function->cdr;
    }
    return x && x->tag == SYMBOL ? lookup(x, environment) : x;
}

int main(void)
{
    static const char *const builtins[] = {"+", "-", "<", "cons", "car", "cdr"};
    char why[256];
    struct marksweep_config config = {.heap_limit_bytes = 4 << 20, .options = "gogc=100"};
    if (marksweep_init(&config, &m, why, sizeof why) != 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    marksweep_type_register(&object_type);
    marksweep_type_register(&leaf_type);
    marksweep_roots_add(&vm, &vm + 1);
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        size_t length = strlen(builtins[i]); /* cons, car, cdr: by their second letter */
        struct object *name = symbol(builtins[i], length);
        vm.globals = bind(name, leaf(BUILTIN, builtins[i][length > 1], "", 0), vm.globals);
    }
    struct object *result = NULL;
    while (*input)
        result = eval(read_object(), NULL);
    int64_t answer = result ? number(result) : 0;
    struct gc_stats stats;
    marksweep_stats(&stats);
    bool right = answer == EXPECTED && stats.allocated_bytes > 200u << 20 &&
                 stats.heap_peak_bytes <= 4u << 20 && marksweep_verify(m, why, sizeof why) == 0;
    printf("%lld %s: %llu MiB allocated in %llu KiB, %llu collections\n", (long long)answer,
           right ? "is right" : "IS WRONG", (unsigned long long)stats.allocated_bytes >> 20,
           (unsigned long long)stats.heap_peak_bytes >> 10, (unsigned long long)stats.gc_count);
    return right ? 0 : 1;
}
