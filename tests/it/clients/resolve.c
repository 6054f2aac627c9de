/* Asks getaddrinfo of the C library that it is linked with, as connecting programs do.
 *
 *   resolve NAME [4|6]      prints one address a line; fails with the library's words
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char **words)
{
    struct addrinfo hints, *first, *entry;
    char address[NI_MAXHOST];
    int failure;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = count < 3 ? AF_UNSPEC : words[2][0] == '4' ? AF_INET : AF_INET6;
    failure = getaddrinfo(words[1], NULL, &hints, &first);
    if (failure) {
        fprintf(stderr, "%s\n", gai_strerror(failure));
        return 1;
    }
    for (entry = first; entry; entry = entry->ai_next) {
        getnameinfo(entry->ai_addr, entry->ai_addrlen, address, sizeof address, NULL, 0,
                    NI_NUMERICHOST);
        puts(address);
    }
    return 0;
}
