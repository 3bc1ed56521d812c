// Command make writes a case of package canaries, and prints which canaries are in it: make DIR HOME MODELS.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/freezeframe-ir/freezeframe/test/canaries"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "make DIR HOME MODELS")
		os.Exit(2)
	}
	made, err := canaries.Write(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(made)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}
