// Command make writes a case of package reportcase: make DIR HOME CALLS.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/freezeframe-ir/freezeframe/test/reportcase"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "make DIR HOME CALLS")
		os.Exit(2)
	}
	calls, err := strconv.Atoi(os.Args[3])
	if err == nil {
		_, err = reportcase.Write(context.Background(), os.Args[1], os.Args[2], calls)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}
