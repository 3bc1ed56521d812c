package collect

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func prefixes(t *testing.T, all ...string) (out []netip.Prefix) {
	t.Helper()
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// TestHostileAddresses: what a name may have resolved to, in all the ways to write it.
func TestHostileAddresses(t *testing.T) {
	refused := []string{
		"169.254.169.254:80", "169.254.170.2:80", "[fd00:ec2::254]:80", "[::ffff:169.254.169.254]:80", "[::ffff:a9fe:a9fe]:443", "[::169.254.169.254]:80",
		"[64:ff9b::a9fe:a9fe]:80", "[64:ff9b:1::1]:80", "[2002:a9fe:a9fe::1]:80", "[2001:0:a:b:c:d:5601:5601]:80", "[fe80::1%eth0]:80", "[fe80::a9fe:a9fe]:80", "[fec0::1]:80",
		"127.0.0.1:443", "127.255.255.254:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "[::127.0.0.1]:443", "[64:ff9b::7f00:1]:443", "[2002:7f00:1::]:443",
		"0.0.0.0:443", "0.1.2.3:443", "[::]:443", "[::ffff:0.0.0.0]:443",
		"10.0.0.1:443", "172.16.0.1:443", "172.31.255.255:443", "192.168.0.1:443", "[fc00::1]:443", "[fdff::1]:443", "[::ffff:10.0.0.1]:443", "[2002:a00:1::]:443", "[fd00::1%1]:443",
		"100.64.0.1:443", "100.100.100.200:80", "192.0.0.192:80", "198.18.0.1:443", "192.0.2.1:443", "203.0.113.1:443", "240.0.0.1:443", "255.255.255.255:443",
		"224.0.0.251:443", "[ff02::1]:443", "[100::1]:443", "[2001:db8::1]:443", "nonsense", "", "169.254.169.254", "2852039166:80", "0251.0376.0251.0376:80", "0xa9fea9fe:80",
	}
	for _, a := range refused {
		err := dialable(a, nil)
		if !errors.Is(err, errPrivate) {
			t.Errorf("%s is dialled: %v", a, err)
		}
		t.Logf("%-40s refused", a)
	}
	public := []string{"52.95.1.1:443", "3.5.136.1:443", "[2a05:d018::1]:443", "[2600:1f18::1]:443", "[64:ff9b::345f:101]:443", "[::ffff:52.95.1.1]:443", "172.32.0.1:443", "100.128.0.1:443", "11.0.0.1:443"}
	for _, a := range public {
		if err := dialable(a, nil); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		t.Logf("%-40s dialled", a)
	}
	for a, allow := range map[string]string{"100.64.0.1:443": "100.64.0.0/10", "[fd00:ec2::254]:80": "fd00:ec2::/32", "[fd00::1%1]:443": "fd00::/8", "[::ffff:10.1.2.3]:443": "10.0.0.0/8"} {
		if err := dialable(a, prefixes(t, allow)); err != nil {
			t.Errorf("%s, allowing %s: %v", a, allow, err)
		}
	}
	t.Logf("%d cells; 0 skipped", len(refused)+len(public)+4)
}

// TestHostileLocations: where a service may say that the code is, and is not believed. Nothing
// is dialled.
func TestHostileLocations(t *testing.T) {
	const sig = "?X-Amz-Signature=c0ffee"
	all := []string{
		"http://169.254.169.254/latest/meta-data/" + sig, "https://169.254.169.254/x.amazonaws.com" + sig, "http://[fd00:ec2::254]/latest" + sig, "https://[::ffff:169.254.169.254]/" + sig,
		"https://2852039166/" + sig, "https://0251.0376.0251.0376/" + sig, "https://0xa9fea9fe/" + sig, "https://169.254.43518/" + sig, "https://127.1/" + sig, "https://localhost/" + sig, "https://10.0.0.1/" + sig,
		"file:///etc/passwd" + sig, "file://b.s3.amazonaws.com/etc/passwd" + sig, "ftp://b.s3.amazonaws.com/x" + sig, "gopher://b.s3.amazonaws.com/x" + sig, "data:text/plain,PK", "unix:///run/docker.sock", "javascript:alert(1)",
		"//b.s3.amazonaws.com/x" + sig, "/etc/passwd", "b.s3.amazonaws.com/x" + sig, "", " ", "?", "https://", "https:///x" + sig,
		"http://b.s3.amazonaws.com/x" + sig, "https://amazonaws.com/x" + sig, "https://b.s3.amazonaws.com.evil.example/x" + sig, "https://b-s3-amazonaws.com/x" + sig, "https://b.s3.amazonaws.com./x" + sig,
		"https://evil.example/b.s3.amazonaws.com" + sig, "https://evil.example?.amazonaws.com", "https://evil.example#.amazonaws.com", "https://evil.example\\.amazonaws.com/x" + sig, "https://evil.example\x00.amazonaws.com/x" + sig,
		"https://evil.example\t.amazonaws.com/x" + sig, "https://evil.example\n.amazonaws.com/x" + sig, "https://evil.example%00.amazonaws.com/x" + sig, "https://evil.example%2f.amazonaws.com/x" + sig,
		"https://b.s3.amazonaws.com@evil.example/x" + sig, "https://a:b@b.s3.amazonaws.com/x" + sig, "https://b.s3.amazonaws.com:443@evil.example/x" + sig,
		"https://b.s3.am\u0430zonaws.com/x" + sig, "https://b.s3.amazonaws\u3002com/x" + sig, "https://b.s3.\u202emoc.swanozama/x" + sig, "https://b.s3.amazonaws.com:99999999/x" + sig, "https://b.s3.amazonaws.com:22/x" + sig, "https://b.s3.amazonaws.com:8443/x" + sig, "https://[::1/x" + sig, "https://[fe80::1%25eth0]/x" + sig,
		"https://evil.example/" + strings.Repeat("A", 1<<20) + sig, "https://" + strings.Repeat("a.", 1<<19) + "example/x" + sig, "HTTPS://EVIL.EXAMPLE/x" + sig, "https://b.s3.amazonaws.com\r\nHost: evil.example/x" + sig,
	}
	never := roundTrips(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%.200q is dialled", r.URL.Redacted())
		return nil, errors.New("offline")
	})
	for _, location := range all {
		for _, endpoint := range []string{"", "https://vpce-1.lambda.eu-central-1.vpce.amazonaws.com", "http://127.0.0.1:4566"} {
			j := &Job{run: &runner{in: Inputs{HTTP: &http.Client{Transport: never}, Endpoint: endpoint}}}
			_, err := j.open(t.Context(), location)
			if !errors.Is(err, errAddress) && !errors.Is(err, errTransient) || strings.Contains(err.Error(), "c0ffee") || len(err.Error()) > 8<<10 {
				t.Errorf("%.200q at %q: %.300v", location, endpoint, err)
			}
		}
		t.Logf("%-60.60q refused", location)
	}
	t.Logf("%d cells; 0 skipped", 3*len(all))
}
