// Command simserver serves an empty simulated account (or, with -seeded, the one that the tests collect from) for tests of other programs
// (AWS CLI, boto3, the built freezeframe binary), and judges every call against AWS's
// API shapes. It prints one JSON line (endpoint, keys) when it listens; when its
// standard input closes it prints what the judge found, and ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/awssim/shapecheck"
)

type started struct {
	Endpoint string `json:"endpoint"`
	Account  string `json:"account"`
	Key      string `json:"key"`
	Secret   string `json:"secret"`
}

type verdict struct {
	Problems []string       `json:"problems"`
	Covered  map[string]int `json:"covered"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "simserver:", err)
		os.Exit(1)
	}
}

func run() error {
	shapes := flag.String("shapes", "", "folder with AWS's API shapes (*.json.gz)")
	account := flag.String("account", "123456789012", "account id")
	region := flag.String("region", "us-east-1", "region")
	quotas := flag.Bool("quotas", false, "enforce quotas")
	settle := flag.Duration("settle", 0, "how long transitions take")
	seeded := flag.Bool("seeded", false, "serve the account of package bench, in its region")
	list := flag.Bool("operations", false, "print the names of all simulated operations as a JSON list, and end")
	flag.Parse()
	if *list {
		return json.NewEncoder(os.Stdout).Encode(awssim.Operations())
	}

	cloud := awssim.New(awssim.Config{AccountID: *account, Region: *region, Seed: 1, Quotas: *quotas, Settle: *settle})
	if *seeded {
		a, err := bench.NewAccount(context.Background(), awssim.Config{Seed: 1}, 3, 32<<10)
		if err != nil {
			return err
		}
		cloud, *account = a.Cloud, bench.AccountID
	}
	admin := cloud.Bootstrap(*account, "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	check, err := shapecheck.Open(*shapes)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: check.Wrap(cloud), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // ends with Close below
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(started{"http://" + l.Addr().String(), *account, admin.AccessKeyID, admin.SecretAccessKey}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := server.Close(); err != nil {
		return err
	}
	return out.Encode(verdict{check.Problems(), check.Covered()})
}
