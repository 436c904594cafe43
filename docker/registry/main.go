// SPDX-License-Identifier: Apache-2.0

// A schema registry for tests: franz-go's implementation of the REST interface, in memory.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8081", "host:port")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s", listener.Addr())
	log.Fatal(http.Serve(listener, srfake.New().Handler()))
}
