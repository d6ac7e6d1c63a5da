// The least that an agent must do which delivers lines by OTLP, to judge the others by: it takes syslog messages or lines,
// frames each as a log record, and posts them to a receiver on this host.
//   relay socket PATH PORT   from a Unix datagram socket that it binds, with credentials and the kernel's times
//   relay file PATH PORT     from a file that grows, from its beginning
// A record has a body, the time it was read, a log.record.uid as long as the agent's, and if it is a message a time and a
// severity; all have one resource. Requests are closed at 1 MiB or after 200 ms. A second thread sends them while the first
// goes on reading, which waits only where four of them are not sent.
// It keeps nothing, repeats nothing and gives up at any error; it asks nobody who sent, reads no dates, tags or process ids,
// takes the kernel's time for the sender's, cuts messages at 8 KiB, parts lines at 256 KiB, and follows no rotation.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char byte;

enum {
  SLOTS = 64,
  SLOT_BYTES = 8192,
  BLOCK_BYTES = 256 * 1024,
  REQUESTS = 4,
  FULL_BYTES = 1024 * 1024,
  /** With the largest record and all that is not records. */
  REQUEST_BYTES = FULL_BYTES + BLOCK_BYTES + 4096,
  FLUSH_NS = 200 * 1000000,
  EMPTY_US = 10 * 1000,
  TIME_BYTES = 9,
  /** In "Nov 22 17:00:00 sshd[4711]: ", where the tag begins. */
  TAG_AT = 16,
};

/** The length is of fixed width, and so is all of it. */
#define HTTP \
  "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: %8zu\r\n\r\n"
/** ResourceLogs, its Resource and ScopeLogs, whose lengths take four bytes. */
#define ENVELOPE "\x0a----\x0a\x19\x0a\x17\x0a\x0cservice.name\x12\x07\x0a\x05relay\x12----"
enum {
  HTTP_BYTES = sizeof HTTP - sizeof "%8zu" + 8,
  ENVELOPE_BYTES = sizeof ENVELOPE - 1,
  RECORDS_AT = HTTP_BYTES + ENVELOPE_BYTES,
};

/** The attribute; its digits count records. */
static byte uid[] = "\x32\x34\x0a\x0elog.record.uid\x12\x22\x0a\x20" "00000000000000000000000000000000";
enum { UID_BYTES = sizeof uid - 1 };

static struct request {
  size_t size;
  byte bytes[REQUEST_BYTES];
} requests[REQUESTS], *filling = requests;
/** When the first record came into `filling`, Unix ns. */
static int64_t begun;
/** Requests so far, under the lock. */
static unsigned filled, sent;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static ssize_t check(const char *call, ssize_t result) {
  if (result >= 0) return result;
  perror(call);
  exit(1);
}

static int64_t nanoseconds(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return nanoseconds(t);
}

static size_t varintSize(size_t n) { return n < 0x80 ? 1 : n < 0x4000 ? 2 : n < 0x200000 ? 3 : 4; }

static byte *varint(byte *to, size_t n) {
  for (; n >= 0x80; n >>= 7) *to++ = n | 0x80;
  *to++ = n;
  return to;
}

static byte *tagged(byte *to, byte tag, size_t n) {
  *to++ = tag;
  return varint(to, n);
}

static byte *timed(byte *to, byte tag, int64_t time) {
  *to++ = tag;
  return mempcpy(to, &time, sizeof time);
}

static void fourBytes(byte *to, size_t n) {
  for (int i = 0; i < 4; i++) to[i] = (n >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0);
}

/** Hands over the request that was filled, and begins the next. */
static void seal(void) {
  byte *envelope = filling->bytes + HTTP_BYTES;
  size_t size = filling->size - HTTP_BYTES;
  sprintf((char *)filling->bytes, HTTP, size);
  memcpy(envelope, ENVELOPE, ENVELOPE_BYTES);
  fourBytes(envelope + 1, size - 5);
  fourBytes(envelope + ENVELOPE_BYTES - 4, size - ENVELOPE_BYTES);
  pthread_mutex_lock(&lock);
  filled++;
  pthread_cond_broadcast(&changed);
  while (filled - sent == REQUESTS) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  filling = &requests[filled % REQUESTS];
  filling->size = RECORDS_AT;
}

static void sealIfOld(int64_t time) {
  if (filling->size > RECORDS_AT && time - begun >= FLUSH_NS) seal();
}

static int isUtf8(const byte *text, size_t size) {
  uint64_t words[4], bits[4] = {0};
  size_t i = 0;
  for (; i + sizeof words <= size; i += sizeof words) {
    memcpy(words, text + i, sizeof words);
    for (int word = 0; word < 4; word++) bits[word] |= words[word];
  }
  uint64_t all = bits[0] | bits[1] | bits[2] | bits[3];
  for (; i < size; i++) all |= text[i];
  if (!(all & 0x8080808080808080)) return 1;
  for (i = 0; i < size;) {
    byte first = text[i++];
    if (first < 0x80) continue;
    int more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
    if (more == 0 || i + more > size) return 0;
    // Neither longer than it had to be, nor a surrogate, nor beyond U+10FFFF.
    byte low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    byte high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[i] < low || text[i] > high) return 0;
    for (i++; --more > 0; i++)
      if ((text[i] & 0xc0) != 0x80) return 0;
  }
  return 1;
}

/** Frames a LogRecord; one with a `severity` has a `time`. A body that is no text goes out as bytes. */
static void record(int64_t time, byte severity, const byte *body, size_t size, int64_t observed) {
  size_t any = 1 + varintSize(size) + size;
  size_t length = (severity ? TIME_BYTES + 2 : 0) + 1 + varintSize(any) + any + UID_BYTES + TIME_BYTES;
  byte *to = tagged(filling->bytes + filling->size, 0x12, length);
  if (severity) to = tagged(timed(to, 0x09, time), 0x10, severity);
  to = tagged(tagged(to, 0x2a, any), isUtf8(body, size) ? 0x0a : 0x3a, size);
  to = mempcpy(mempcpy(to, body, size), uid, UID_BYTES);
  to = timed(to, 0x59, observed);
  byte *digit = uid + UID_BYTES - 1;
  for (; *digit == 'f'; digit--) *digit = '0';
  *digit = *digit == '9' ? 'a' : *digit + 1;
  if (filling->size == RECORDS_AT) begun = observed;
  filling->size = to - filling->bytes;
  if (filling->size >= FULL_BYTES) seal();
}

// Where records come from.

static int64_t timeOf(struct msghdr *header) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
    struct timespec time;
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) continue;
    memcpy(&time, CMSG_DATA(control), sizeof time);
    return nanoseconds(time);
  }
  return 0;
}

/** "<38>Nov 22 17:00:00 sshd[4711]: body"; what does not look like it is a body as it is. */
static void message(const byte *text, size_t size, int64_t time, int64_t observed) {
  static const byte SEVERITIES[] = {21, 19, 18, 17, 13, 10, 9, 5};
  const byte *body = text, *end = text + size;
  unsigned priority = 13;
  if (size > 2 && *text == '<') {
    priority = 0;
    for (body++; body < end && *body >= '0' && *body <= '9'; body++) priority = priority * 10 + *body - '0';
    if (body < end) body++;
    const byte *colon = end - body > TAG_AT ? memchr(body + TAG_AT, ':', end - body - TAG_AT) : NULL;
    if (colon && colon + 1 < end && colon[1] == ' ') body = colon + 2;
  }
  record(time, SEVERITIES[priority & 7], body, end - body, observed);
}

static void readSocket(const char *path) {
  static byte slots[SLOTS][SLOT_BYTES];
  /** struct ucred and struct timespec. */
  static char controls[SLOTS][CMSG_SPACE(12) + CMSG_SPACE(16)];
  struct mmsghdr messages[SLOTS] = {0};
  struct iovec vectors[SLOTS];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = check("socket", socket(AF_UNIX, SOCK_DGRAM, 0)), yes = 1;
  struct timeval wake = {.tv_usec = FLUSH_NS / 1000};
  check("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof wake));
  check("SO_PASSCRED", setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes));
  check("SO_TIMESTAMPNS", setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes));
  check("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
  for (int i = 0; i < SLOTS; i++) {
    vectors[i] = (struct iovec){slots[i], SLOT_BYTES};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = controls[i]};
    messages[i].msg_hdr.msg_controllen = sizeof controls[i];
  }
  for (;;) {
    int count = recvmmsg(fd, messages, SLOTS, MSG_WAITFORONE, NULL);
    if (count < 0 && errno != EAGAIN) check("recvmmsg", count);
    int64_t observed = now();
    for (int i = 0; i < count; i++) {
      message(slots[i], messages[i].msg_len, timeOf(&messages[i].msg_hdr), observed);
      messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    sealIfOld(observed);
  }
}

static void readFile(const char *path) {
  static byte block[BLOCK_BYTES];
  int fd = check(path, open(path, O_RDONLY));
  for (off_t offset = 0;;) {
    ssize_t size = check("pread", pread(fd, block, BLOCK_BYTES, offset));
    const byte *line = block, *end = block + size, *newline;
    int64_t observed = now();
    for (; (newline = memchr(line, '\n', end - line)); line = newline + 1)
      record(0, 0, line, newline - line, observed);
    if (line == block && size == BLOCK_BYTES) record(0, 0, line, size, observed), line = end;
    offset += line - block;
    sealIfOld(observed);
    if (size < BLOCK_BYTES) usleep(EMPTY_US);
  }
}

// Where they go.

static int connectTo(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = check("socket", socket(AF_INET, SOCK_STREAM, 0));
  check("connect", connect(fd, (struct sockaddr *)&address, sizeof address));
  return fd;
}

/** Ends with the head: the receiver's answers have no body. */
static void awaitAnswer(int fd) {
  char answer[4096];
  ssize_t size = 0, more;
  do {
    more = check("recv", recv(fd, answer + size, sizeof answer - size, 0));
    size += more;
  } while (more > 0 && !memmem(answer, size, "\r\n\r\n", 4));
  if (more > 0 && strncmp(answer, "HTTP/1.1 200", 12) == 0) return;
  fprintf(stderr, "the receiver answers \"%.*s\"\n", (int)size, answer);
  exit(1);
}

_Noreturn static void *sendAll(void *port) {
  int fd = connectTo(atoi(port));
  for (unsigned next = 0;; next++) {
    pthread_mutex_lock(&lock);
    sent = next;
    pthread_cond_broadcast(&changed);
    while (filled == sent) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    const struct request *request = &requests[next % REQUESTS];
    char none;
    // A receiver closes a connection that was quiet for long.
    if (recv(fd, &none, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
      close(fd);
      fd = connectTo(atoi(port));
    }
    for (size_t at = 0; at < request->size;)
      at += check("send", send(fd, request->bytes + at, request->size - at, MSG_NOSIGNAL));
    awaitAnswer(fd);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  pthread_t sender;
  filling->size = RECORDS_AT;
  if (pthread_create(&sender, NULL, sendAll, argv[3]) != 0) return 1;
  if (strcmp(argv[1], "socket") == 0) readSocket(argv[2]);
  else readFile(argv[2]);
}
