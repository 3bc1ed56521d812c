package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// fullDisk collects into a file system that is too small, says what is left of the case,
// gives it room, and collects again. Each exit code is a line of its own.
const fullDisk = `mount -t tmpfs -o size=200k none "$1" || exit 99
cd "$1"
step() { name=$1; shift; freezeframe "$@" >../"$name.out" 2>../"$name.err"; echo "$name $?"; }
step open case open case --title t --authority a --operator o
step full collect --function payments
step left verify
mount -o remount,size=20m "$1"
step again collect --function payments
for bag in case/collections/*; do
  if [ -f "$bag/manifest-sha256.txt" ]; then (cd "$bag" && sha256sum -c --quiet manifest-sha256.txt tagmanifest-sha256.txt && echo "whole 0"); fi
done
`

// TestFullDisk: a full disk is one clear line and a failure; what was written stays
// intact, and with room the same command works.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes one after another, of commands that the scripts run too; run without -short")
	}
	t.Parallel()
	w, err := staged()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Cloud)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", fullDisk, "sh", disk)
	cmd.Env = environ(w.Responder, server.URL, w.Scenario.Region, dir)
	cmd.Env = append(cmd.Env, "FREEZEFRAME_CASE="+filepath.Join(disk, "case"))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 99 {
		t.Skipf("SKIPPED LOUDLY: no small file system can be mounted here: %v", err)
	}
	// How far the sealing of what was collected gets depends on what room the rest gave back.
	want := regexp.MustCompile(`^open 0\nfull 1\nleft [03]\nagain 0\n(whole 0\n){1,2}$`)
	if !want.Match(out) || err != nil {
		t.Errorf("%s%v, want %s", out, err, want)
	}
	said, err := os.ReadFile(filepath.Join(dir, "full.err"))
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(said), "freezeframe: ")
	lines := strings.Split(strings.TrimSpace(string(said[max(at, 0):])), "\n")
	if at < 0 || len(lines) != 2 || !strings.Contains(lines[0], "no space left") || !strings.Contains(lines[1], "next: free some space") {
		t.Errorf("said: %s", said)
	}
	left, err := os.ReadFile(filepath.Join(dir, "left.out"))
	if err != nil || !strings.Contains(string(left), "every byte is what was sealed") {
		t.Errorf("verify said %s, %v", left, err)
	}
}
