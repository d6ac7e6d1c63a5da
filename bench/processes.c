// What the kernel alone takes for a look at N processes: the calls the sampler makes for each, and nothing else. Of a process
// that has not run only statm is read; in each third look a process has its turn for what it holds open and for status, if it
// has run since the last, and once a minute everything is read: of one that has not run its stat, and what others give it.
//   processes COMM SECONDS [all]: prints user and system CPU ms of a look, one look a second; `all` reads what a process has
//   whether it has run or not
//   processes awake: a process that runs twice a second
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STATM, STAT, IO, FD, STATUS, CGROUP, LIMITS, FILES, KEPT = CGROUP, MAX = 32768, DETAILS = 3, EVERYTHING = 60 };
static const char *const names[FILES] = {"statm", "stat", "io", "fd", "status", "cgroup", "limits"};
/** Open files, 0 for one that was never read, -1 for one that was read once. */
static int held[MAX][KEPT];
static int pids[MAX];
/** CPU time in ns, in the last look and when the details were read. */
static long long ran[MAX], detailed[MAX];
static int all, room;
static char buf[256 * 1024];

static double ms(struct timeval t) { return t.tv_sec * 1e3 + t.tv_usec / 1e3; }

static long long cpuTime(int i) {
  struct timespec t;
  return clock_gettime((~pids[i] * 8) | 2, &t) < 0 ? -1 : t.tv_sec * 1000000000LL + t.tv_nsec;
}

/** Its content, or the size of the directory, with the descriptor kept from the second time on. */
static ssize_t readFile(int i, int file) {
  struct stat size;
  int kept = file < KEPT && held[i][file] > 0, fd = kept ? held[i][file] : -1;
  if (!kept) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pids[i], names[file]);
    fd = open(path, O_RDONLY);
    if (file < KEPT && held[i][file] < 0 && room > 0) held[i][file] = fd, kept = 1, room--;
    else if (file < KEPT) held[i][file] = -1;
  }
  ssize_t result = file == FD ? fstat(fd, &size) : pread(fd, buf, sizeof buf, 0);
  if (!kept) close(fd);
  return result;
}

/** What each descriptor leads to, by the directory that is kept as well. */
static void list(int i) {
  char target[4096];
  int fd = held[i][FD];
  if (fd <= 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pids[i]);
    fd = open(path, O_RDONLY | O_DIRECTORY);
  }
  lseek(fd, 0, SEEK_SET);
  for (long length; (length = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0;)
    for (struct dirent64 *entry = (void *)buf; (char *)entry < buf + length; entry = (void *)((char *)entry + entry->d_reclen))
      if (entry->d_name[0] != '.' && readlinkat(fd, entry->d_name, target, sizeof target) < 0) continue;
  if (fd != held[i][FD]) close(fd);
}

static void details(int i, int everything) {
  char path[64], target[4096];
  readFile(i, STATUS);
  list(i);
  if (!everything) return;
  // Of those with sockets, as they have here.
  snprintf(path, sizeof path, "/proc/%d/ns/net", pids[i]);
  if (readlink(path, target, sizeof target) < 0) return;
}

static void look(int i, int turn) {
  long long now = cpuTime(i);
  int everything = (pids[i] + turn) % (all ? DETAILS : EVERYTHING) == 0;
  int awake = all || now != ran[i];
  ran[i] = now;
  if (awake)
    for (int file = STAT; file <= FD; file++) readFile(i, file);
  else if (everything) readFile(i, STAT);
  readFile(i, STATM);
  if (all && !everything) readFile(i, STATUS);
  if ((awake && everything) || ((pids[i] + turn) % DETAILS == 0 && !all && now != detailed[i])) {
    details(i, everything);
    detailed[i] = now;
  }
  if (everything) readFile(i, CGROUP), readFile(i, LIMITS);
}

int main(int argc, char **argv) {
  const char *comm = argv[1];
  while (strcmp(comm, "awake") == 0) usleep(500000);
  all = argc > 3;
  int seconds = atoi(argv[2]), count = 0;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  room = files.rlim_cur / 2;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(proc)) && count < MAX;) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    pids[count] = atoi(entry->d_name);
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pids[count]);
    int fd = open(path, O_RDONLY);
    if (read(fd, name, sizeof name - 1) > 0 && strncmp(name, comm, strlen(comm)) == 0) count++;
    close(fd);
  }
  for (int turn = 0; turn < 2; turn++)
    for (int i = 0; i < count; i++) look(i, turn);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  for (int second = 0; second < seconds; second++) {
    rewinddir(proc);
    while (readdir(proc));
    for (int i = 0; i < count; i++) look(i, second);
    sleep(1);
  }
  getrusage(RUSAGE_SELF, &after);
  printf("%d %.2f %.2f\n", count, (ms(after.ru_utime) - ms(before.ru_utime)) / seconds,
         (ms(after.ru_stime) - ms(before.ru_stime)) / seconds);
}
