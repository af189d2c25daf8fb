/* Plugins that misbehave while they are loaded, each in one way chosen by a macro: see CMakeLists.txt. */
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tasker/abi.h>
#include <unistd.h>

/* At once, whatever is buffered. */
static void say(const char* text) {
    if (write(1, text, strlen(text)) < 0) abort();
}
static void report(const char* text) {
    if (write(3, text, strlen(text)) < 0) return;
}
static void loop(void) {
    for (volatile unsigned turn = 0;; ++turn) {
    }
}
static void* loop_for_ever(void* unused) {
    (void)unused;
    loop();
    return NULL;
}

#define FAKE                                           \
    "{\"verdict\":\"ok\",\"plugin\":{\"id\":\"x\"}}\n" \
    "{\"complete\":true,\"nonce\":\"00000000000000000000000000000000\"}\n"

static int recurse(volatile int depth) {
    volatile char block[4096];
    block[0] = (char)depth;
    return recurse(depth + 1) + block[0];
}

/* Children that try to leave the process group and then wait for ever; their numbers are printed. */
static void fork_children(void) {
    for (int i = 0; i < 20; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            setsid();
            for (;;) pause();
        }
        char line[32];
        snprintf(line, sizeof line, "%d\n", (int)child);
        say(line);
    }
}

static void misbehave(void) {
#if defined(ABORT)
    abort();
#elif defined(SEGV)
    *(volatile int*)8 = 1;
#elif defined(TRAP)
    raise(SIGTRAP);
#elif defined(EXIT_0)
    exit(0);
#elif defined(EXIT_3)
    exit(3);
#elif defined(EXIT_75)
    exit(75);
#elif defined(EXIT_NOW)
    _exit(0);
#elif defined(PTHREAD_EXIT)
    pthread_exit(NULL);
#elif defined(LOOP)
    loop();
#elif defined(SLEEPS)
    for (;;) pause();
#elif defined(DEADLOCK)
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
#elif defined(DEAF)
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
    loop();
#elif defined(RECURSE)
    recurse(0);
#elif defined(STOP)
    raise(SIGSTOP);
#elif defined(KILL)
    raise(SIGKILL);
#elif defined(DOUBLE_FREE)
    void* block = malloc(24);
    void* volatile kept = block;
    free(block);
    free(kept);
#elif defined(FORKS)
    fork_children();
#elif defined(FORKS_AND_ABORTS)
    fork_children();
    abort();
#elif defined(FLOOD)
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 500; ++i) {
        if (write(i % 2 + 1, block, sizeof block) < 0) abort();
    }
#elif defined(FLOOD_FOR_EVER)
    for (;;) say("I have a lot to say\n");
#elif defined(FLOOD_REPORT)
    for (;;) report(FAKE);
#elif defined(CLOSE_REPORT)
    close(3);
#elif defined(CLOSE_ALL)
    for (int fd = 0; fd < 1024; ++fd) close(fd);
#elif defined(FAKE_REPORT)
    report(FAKE);
    _exit(0);
#elif defined(FAKE_AND_GO_ON)
    report(FAKE);
#elif defined(GARBAGE)
    report("\x7f\x45\x4c\x46 hello \xff\n{{{{");
#elif defined(READS_NONCE)
    char byte;
    if (read(3, &byte, 1) != 0) abort();
    say("there was nothing to read\n");
#elif defined(PRINTS)
    say("hello from a constructor\n");
#elif defined(CHDIR)
    if (chdir("/tmp") != 0) abort();
#elif defined(MASK)
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
#elif defined(LOCALE)
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "de_DE.UTF-8");
#elif defined(ROUND)
    fesetround(FE_TOWARDZERO);
#elif defined(ALLOC)
    char* block = malloc((size_t)10 << 30U);
    if (block == NULL) abort();
    memset(block, 1, (size_t)10 << 30U);
#elif defined(DESCRIPTORS)
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    say(errno == EMFILE ? "no more descriptors\n" : "odd\n");
#elif defined(THREADS)
    pthread_t thread;
    for (int i = 0; i < 4; ++i) pthread_create(&thread, NULL, loop_for_ever, NULL);
#elif defined(NETWORK)
    if (socket(AF_INET, SOCK_STREAM, 0) < 0) say("no network\n");
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0) say("no socket at all\n");
    if (setsid() < 0) say("no session\n");
    if (setpgid(0, 0) < 0 && errno == EPERM) say("no group\n");
#elif defined(ATEXIT)
    atexit(abort);
#endif
}

__attribute__((constructor)) static void constructor(void) {
    (void)loop_for_ever;
    (void)recurse;
    (void)fork_children;
    (void)report;
    (void)say;
    misbehave();
}

#ifdef DESTRUCTOR
__attribute__((destructor)) static void destructor(void) { abort(); }
#endif

TASKER_C_NOTE(0);

static int32_t call(void* self, const tasker_step_v0* step, tasker_call* running) {
    (void)self;
    return step->api->succeed(running, "{}", 2);
}

static const tasker_handler_v0 kHandler = {.struct_size = sizeof(tasker_handler_v0),
                                           .kind = TASKER_KIND_STEP,
                                           .callable = "hostile.c",
                                           .call = call};
static const tasker_handler_v0* const kHandlers[] = {&kHandler};

static const void* extension(const tasker_plugin_v0* plugin, const char* id) {
    (void)plugin;
    (void)id;
#if defined(EXTENSION_SEGV)
    *(volatile int*)8 = 1;
#elif defined(EXTENSION_LOOP)
    loop();
#endif
    return NULL;
}

static const tasker_plugin_v0 kPlugin = {.struct_size = sizeof(tasker_plugin_v0),
                                         .abi_major = TASKER_ABI_MAJOR,
                                         .abi_minor = TASKER_ABI_MINOR,
                                         .id = "org.example.hostile",
                                         .version = "1.0.0",
                                         .handler_count = 1,
                                         .get_extension = extension,
                                         .handlers = kHandlers};

const tasker_plugin_v0* tasker_plugin_entry_v0(const tasker_host_v0* host) {
#if defined(ENTRY_ABORT)
    if (host != NULL) abort();
#elif defined(ENTRY_LOOP)
    loop();
#elif defined(ENTRY_ASKS)
    host->log(host, TASKER_LOG_INFO, "hello", 5, NULL, 0);
    if (host->get_extension(host, "tasker.any/0") != NULL) abort();
#elif defined(ENTRY_EXIT)
    exit(0);
#endif
    return host != NULL ? &kPlugin : NULL;
}
