// send ADDRESS PACKETS: that many datagrams to the discard port, and the nanoseconds of processor time each took.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int packets = atoi(argv[2]);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  int out = socket(AF_INET, SOCK_DGRAM, 0);
  if (packets < 1 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
  if (out < 0 || connect(out, (struct sockaddr *)&to, sizeof to) != 0) return 1;
  static const char payload[100];
  double start = now();
  // a port nobody listens at answers with an error now and then; that costs the same with and without rules
  for (int i = 0; i < packets; i++) send(out, payload, sizeof payload, 0);
  printf("%.1f\n", (now() - start) / packets);
  return 0;
}
