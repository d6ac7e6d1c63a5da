// What the kernel alone takes for a look at N processes: the calls the samplers make for each, and nothing else. Every
// third look is followed by one at control groups and open files. Of a process that has not run only stat is read.
//   processes COMM SECONDS [all]: prints user and system CPU ms of a look, one look a second; `all` reads all each time
//   processes awake: a process that runs twice a second
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STAT, STATUS, IO, FD, CGROUP, FILES, MAX = 32768, DETAILS = 3 };
static const char *const names[FILES] = {"stat", "status", "io", "fd", "cgroup"};
static int held[MAX][FILES];
static char pids[MAX][16];
/** CPU time in ns, in the last look and in the last one at the details. */
static long long ran[MAX], ranBefore[MAX];
static int all;
static char buf[256 * 1024];

static double ms(struct timeval t) { return t.tv_sec * 1e3 + t.tv_usec / 1e3; }

/** Whether it has run since. */
static int runs(int i, long long *since) {
  struct timespec t;
  if (all || clock_gettime((~atoi(pids[i]) * 8) | 2, &t) < 0) return 1;
  long long now = t.tv_sec * 1000000000LL + t.tv_nsec, before = *since;
  *since = now;
  return now != before;
}

static void look(int i) {
  struct stat fds;
  int last = runs(i, &ran[i]) ? IO : STAT;
  for (int file = STAT; file <= last; file++)
    if (pread(held[i][file], buf, sizeof buf, 0) < 0) return;
  if (last == IO) fstat(held[i][FD], &fds);
}

static void details(int i) {
  if (!runs(i, &ranBefore[i])) return;
  char path[300], target[4096];
  if (pread(held[i][STAT], buf, sizeof buf, 0) < 0 || pread(held[i][CGROUP], buf, sizeof buf, 0) < 0) return;
  snprintf(path, sizeof path, "/proc/%s/fd", pids[i]);
  DIR *fds = opendir(path);
  if (!fds) return;
  for (struct dirent *entry; (entry = readdir(fds));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/fd/%s", pids[i], entry->d_name);
    if (readlink(path, target, sizeof target) < 0) break;
  }
  closedir(fds);
}

int main(int argc, char **argv) {
  const char *comm = argv[1];
  while (strcmp(comm, "awake") == 0) usleep(500000);
  all = argc > 3;
  int seconds = atoi(argv[2]), count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(proc)) && count < MAX;) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    char path[300];
    for (int i = 0; i < FILES; i++) {
      snprintf(path, sizeof path, "/proc/%s/%s", entry->d_name, names[i]);
      held[count][i] = open(path, O_RDONLY);
    }
    snprintf(pids[count], sizeof pids[count], "%.15s", entry->d_name);
    ssize_t length = pread(held[count][STAT], buf, sizeof buf - 1, 0);
    buf[length > 0 ? length : 0] = 0;
    char *name = strchr(buf, '(');
    if (name && strncmp(name + 1, comm, strlen(comm)) == 0) count++;
    else for (int i = 0; i < FILES; i++) close(held[count][i]);
  }
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  for (int second = 0; second < seconds; second++) {
    rewinddir(proc);
    while (readdir(proc));
    for (int i = 0; i < count; i++) look(i);
    if (second % DETAILS == 0)
      for (int i = 0; i < count; i++) details(i);
    sleep(1);
  }
  getrusage(RUSAGE_SELF, &after);
  printf("%d %.2f %.2f\n", count, (ms(after.ru_utime) - ms(before.ru_utime)) / seconds,
         (ms(after.ru_stime) - ms(before.ru_stime)) / seconds);
}
