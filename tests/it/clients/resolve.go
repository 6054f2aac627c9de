// Asks Go's resolver: its own with GODEBUG=netdns=go.
//
//	resolve NAME [ip4|ip6]      prints one address a line
package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

func main() {
	network := "ip"
	if len(os.Args) > 2 {
		network = os.Args[2]
	}
	addresses, err := net.DefaultResolver.LookupIP(context.Background(), network, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, address := range addresses {
		fmt.Println(address)
	}
}
