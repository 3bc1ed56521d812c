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
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/awssim/shapecheck"
	"github.com/freezeframe-ir/freezeframe/test/judgedaccount"
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
	latency := flag.Duration("latency", 0, "added to every answer")
	versions := flag.Int("versions", 0, "with -seeded: versions of the function, the further ones with packages made as they are served")
	code := flag.Int("code", 32<<10, "with -versions: bytes of each package")
	functions := flag.Int("functions", 0, "with -seeded: small functions beside the others")
	streams := flag.Int("log-streams", 0, "with -seeded: log streams of the function beside its own")
	events := flag.Int("log-events", 200, "in each of these")
	unjudged := flag.Bool("unjudged", false, "judge nothing (benchmarks)")
	calls := flag.String("calls", "", "file in which every call is written down, one JSON line each")
	trails := flag.Bool("trails", false, "serve an account whose trails delivered log files and digests for forty hours")
	fleet := flag.String("fleet", "", "serve so many accounts of so many small functions, such as 20x10, in the region of package bench")
	judged := flag.String("judged", "", "serve the account of package judgedaccount in a state: "+strings.Join(judgedaccount.States(), ", "))
	tamper := flag.String("tamper", "", "with -trails: what is done to the trail's bucket, one of -tamperings")
	kinds := flag.Bool("tamperings", false, "print the names of all kinds of tampering as a JSON list, and end")
	list := flag.Bool("operations", false, "print the names of all simulated operations as a JSON list, and end")
	flag.Parse()
	if *list {
		return json.NewEncoder(os.Stdout).Encode(awssim.Operations())
	}
	if *kinds {
		return json.NewEncoder(os.Stdout).Encode(tamperings())
	}

	config := awssim.Config{AccountID: *account, Region: *region, Seed: 1, Quotas: *quotas, Settle: *settle}
	closed, err := tellTo(*calls, &config)
	if err != nil {
		return err
	}
	defer closed()
	cloud, err := unseeded(config, *judged, *fleet)
	if err != nil {
		return err
	}
	if (*seeded || *trails) && *fleet == "" {
		a, err := made(*trails, *tamper, config, *versions, *code, *functions)
		if err != nil {
			return err
		}
		a.AddLogs(*streams, *events)
		cloud, *account = a.Cloud, bench.AccountID
	}
	cloud.SetLatency(*latency)
	admin := cloud.Bootstrap(*account, "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if *unjudged {
		return serve(cloud, started{Account: *account, Key: admin.AccessKeyID, Secret: admin.SecretAccessKey}, func() verdict { return verdict{} })
	}
	check, err := shapecheck.Open(*shapes)
	if err != nil {
		return err
	}
	return serve(check.Wrap(cloud), started{Account: *account, Key: admin.AccessKeyID, Secret: admin.SecretAccessKey},
		func() verdict { return verdict{check.Problems(), check.Covered()} })
}

// serve serves until standard input closes.
func serve(handler http.Handler, s started, found func() verdict) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // ends with Close below
	s.Endpoint = "http://" + l.Addr().String()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(s); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := server.Close(); err != nil {
		return err
	}
	return out.Encode(found())
}

// unseeded is a cloud that is empty, or a fleet, or judged in a state.
func unseeded(c awssim.Config, state, fleet string) (*awssim.Cloud, error) {
	if fleet != "" {
		return fleetOf(c, fleet)
	}
	if state == "" {
		return awssim.New(c), nil
	}
	return judgedaccount.New(state)
}

func fleetOf(c awssim.Config, size string) (*awssim.Cloud, error) {
	var accounts, functions int
	if _, err := fmt.Sscanf(size, "%dx%d", &accounts, &functions); err != nil {
		return nil, fmt.Errorf("-fleet %s: %w", size, err)
	}
	return bench.NewFleet(context.Background(), c, accounts, functions)
}

// made is the account with trails' files, or else that of package bench.
func made(trails bool, tamper string, c awssim.Config, versions, code, functions int) (*bench.Account, error) {
	if trails {
		return delivered(tamper)
	}
	return seed(c, versions, code, functions)
}

// seed makes the account of package bench, with more of what is asked for. Quotas hold only
// for who is served: it is made before they are counted.
func seed(c awssim.Config, versions, code, functions int) (*bench.Account, error) {
	ctx := context.Background()
	quotas := c.Quotas
	c.Quotas = false
	held := 1
	if versions == 0 {
		held = 3
	}
	a, err := bench.NewAccount(ctx, c, held, 32<<10)
	if err != nil {
		return nil, err
	}
	if err := a.AddVersions(versions, code); err != nil {
		return nil, err
	}
	if err := a.AddFunctions(ctx, functions); err != nil {
		return nil, err
	}
	a.Cloud.SetQuotas(quotas)
	return a, nil
}

// tellTo has calls written down in a file, if it has a name.
func tellTo(name string, c *awssim.Config) (closed func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	c.Tell = told(f)
	return func() { _ = f.Close() }, nil // whoever reads it finds it short
}

// told writes calls down as they come.
func told(w io.Writer) func(service, operation, region string, in map[string]any) {
	out := json.NewEncoder(w)
	return func(service, operation, region string, in map[string]any) {
		_ = out.Encode(map[string]any{"service": service, "operation": operation, "region": region, "in": in}) // a short file is seen by who reads it
	}
}

func tamperings() (names []string) {
	for _, x := range bench.Tamperings() {
		names = append(names, x.Name)
	}
	return names
}

// delivered is an account with trails' files, tampered with if that is asked for. Forty
// hours cover the days of the last twelve, wherever the day stands.
func delivered(tamper string) (*bench.Account, error) {
	a, err := bench.NewTrails(context.Background(), awssim.Config{Seed: 1}, 40)
	if err != nil || tamper == "" {
		return a, err
	}
	for _, x := range bench.Tamperings() {
		if x.Name == tamper {
			return a, a.Tamper(context.Background(), x)
		}
	}
	return nil, fmt.Errorf("no tampering is called %q", tamper)
}
