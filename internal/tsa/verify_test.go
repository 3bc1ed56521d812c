package tsa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestForgedGood: what is unusual and holds. openssl must agree.
func TestForgedGood(t *testing.T) {
	needOpenSSL(t)
	f, a := newForger(t), authority{t.TempDir()}
	a.write(t, "ca.pem", f.pem())
	at := time.Date(2026, 5, 2, 10, 11, 12, 250_000_000, time.UTC)
	plain := Info{Time: at, Serial: "0x04D2", TSA: "CN=TSA,O=Test  org", Policy: "1.2.3.4", Trusted: true}
	v1 := sha1.Sum(f.cert.Raw)
	v512 := sha512.Sum512(f.cert.Raw)
	for name, c := range map[string]struct {
		mutate func(*plan)
		want   func(*Info)
		lonely bool // openssl cannot read it
	}{
		"as it is":         {mutate: func(*plan) {}},
		"whole seconds":    {mutate: func(p *plan) { p.at = element(0x18, []byte("20260502101112Z")) }, want: func(i *Info) { i.Time = at.Truncate(time.Second) }},
		"microseconds":     {mutate: func(p *plan) { p.at = element(0x18, []byte("20260502101112.000001Z")) }, want: func(i *Info) { i.Time = at.Truncate(time.Second).Add(1000) }},
		"all options":      {mutate: func(p *plan) { p.tail = allOptions() }, want: func(i *Info) { i.Accuracy = 7*time.Second + 8*time.Microsecond }},
		"policy with UUID": {mutate: func(p *plan) { p.policy = oid("2.25.329800735698586629295641978511506172918") }, want: func(i *Info) { i.Policy = "2.25.329800735698586629295641978511506172918" }},
		"v1 attribute":     {mutate: func(p *plan) { p.attrs["cert"] = ess(oidSigningV1, v1[:]) }},
		"v2 with SHA-512":  {mutate: func(p *plan) { p.attrs["cert"] = ess(oidSigningV2, v512[:], element(0x30, oid(oidSHA512))) }},
		"both attributes": {mutate: func(p *plan) {
			p.attrs["old"] = ess(oidSigningV1, v1[:])
			p.order = []string{"type", "digest", "old", "cert"}
		}},
		"an attribute nobody knows": {mutate: func(p *plan) {
			p.attrs["x"] = attribute("2.25.329800735698586629295641978511506172918", []byte{5, 0}, []byte{5, 0})
			p.order = append(p.order, "x")
		}},
		"unsorted, signed as sent":  {mutate: func(p *plan) { p.order, p.unsorted, p.asSent = []string{"cert", "digest", "type"}, true, true }},
		"unsorted, signed as DER":   {mutate: func(p *plan) { p.order, p.unsorted = []string{"cert", "digest", "type"}, true }, lonely: true},
		"signer by key identifier":  {mutate: func(p *plan) { p.sid = element(0x80, f.cert.SubjectKeyId) }, lonely: true},
		"other certificates around": {mutate: func(p *plan) { p.certs = [][]byte{f.ca.Raw, f.cert.Raw, f.otherCert} }},
		"what is no certificate": {mutate: func(p *plan) {
			p.certs = [][]byte{element(0x30, []byte("junk")), element(0xa1, []byte{5, 0}), f.cert.Raw}
		}, lonely: true},
		"unsigned attributes":     {mutate: func(p *plan) { p.extra["signer"] = element(0xa1, attribute("1.2.3", []byte{5, 0})) }},
		"named as in the subject": {mutate: func(p *plan) { p.tail = named(0xa4, f.cert.RawSubject) }},
		"named in other strings":  {mutate: func(p *plan) { p.tail = named(0xa4, name(0x0c, "TEST org ", "tsa")) }},
		"granted with text":       {mutate: func(p *plan) { p.extra["status"] = element(0x30, element(0x0c, []byte("fine"))) }},
	} {
		t.Run(name, func(t *testing.T) {
			token, want := f.token(c.mutate), plain
			if c.want != nil {
				c.want(&want)
			}
			if got, err := Verify(token, theDigest, f.roots()); err != nil || got != want {
				t.Errorf("%+v, %v\nwant %+v", got, err, want)
			}
			if ok := a.accepts(t, token, theDigest, "ca.pem"); ok == c.lonely {
				t.Errorf("openssl accepts: %v", ok)
			}
		})
	}
}

// allOptions are accuracy, ordering, nonce, tsa and an extension that is not critical.
func allOptions() [][]byte {
	return [][]byte{
		element(0x30, []byte{2, 1, 7}, []byte{0x81, 1, 8}), {1, 1, 0xff}, {2, 1, 9},
		element(0xa0, element(0x82, []byte("tsa.invalid"))), element(0xa1, element(0x30, oid("1.2.3"), element(4, []byte{5, 0}))),
	}
}

// named is the name of the authority in a TSTInfo: a GeneralName.
func named(tag byte, content []byte) [][]byte { return [][]byte{element(0xa0, element(tag, content))} }

// name is a Name of an organization and a common name in strings of this tag.
func name(tag byte, o, cn string) []byte {
	rdn := func(id, value string) []byte {
		return element(0x31, element(0x30, oid(id), element(tag, []byte(value))))
	}
	return element(0x30, rdn("2.5.4.10", o), rdn("2.5.4.3", cn))
}

// TestForgedBad: one thing is wrong at a time, and the error says which.
func TestForgedBad(t *testing.T) {
	f := newForger(t)
	tail := func(parts ...[]byte) func(*plan) { return func(p *plan) { p.tail = parts } }
	at := func(s string) func(*plan) { return func(p *plan) { p.at = element(0x18, []byte(s)) } }
	other := sha256.Sum256(f.otherCert)
	wrongKey := newForger(t)
	for name, c := range map[string]struct {
		mutate func(*plan)
		text   string
	}{
		"TSTInfo 2":         {func(p *plan) { p.tstVersion = []byte{2, 1, 2} }, "version 2"},
		"policy too long":   {func(p *plan) { p.policy = element(6, bytes.Repeat([]byte{1}, 65)) }, "65 bytes"},
		"policy is not one": {func(p *plan) { p.policy = element(6, []byte{0x80}) }, "policy"},
		"imprint algorithm": {func(p *plan) { p.imprint = element(0x30, element(0x30, oid(oidSHA512)), element(4, theDigest[:])) }, "2.16.840.1.101.3.4.2.3"},
		"imprint parameters": {func(p *plan) {
			p.imprint = element(0x30, element(0x30, oid(oidSHA256), []byte{4, 0}), element(4, theDigest[:]))
		}, "tag 4"},
		"imprint short":        {func(p *plan) { p.imprint = element(0x30, element(0x30, oid(oidSHA256)), element(4, theDigest[:31])) }, "is over"},
		"serial too long":      {func(p *plan) { p.serial = element(2, bytes.Repeat([]byte{1}, 65)) }, "65 bytes"},
		"serial not minimal":   {func(p *plan) { p.serial = element(2, []byte{0, 1}) }, "minimal"},
		"time with offset":     {at("20260502101112+0100"), "genTime"},
		"time without zone":    {at("20260502101112"), "genTime"},
		"time with comma":      {at("20260502101112,5Z"), "genTime"},
		"time in picoseconds":  {at("20260502101112.0000000000001Z"), "genTime"},
		"31 February":          {at("20260231101112Z"), "genTime"},
		"UTCTime":              {func(p *plan) { p.at = element(0x17, []byte("260502101112Z")) }, "tag 23"},
		"accuracy negative":    {tail(element(0x30, []byte{2, 1, 0xff})), "-1 is not between"},
		"accuracy huge":        {tail(element(0x30, []byte{2, 5, 1, 0, 0, 0, 0})), "is not between"},
		"1000 ms":              {tail(element(0x30, []byte{0x80, 2, 3, 0xe8})), "is not between"},
		"accuracy trailing":    {tail(element(0x30, []byte{2, 1, 1, 5, 0})), "end of accuracy"},
		"critical extension":   {tail(element(0xa1, element(0x30, oid("1.2.3"), []byte{1, 1, 0xff}, []byte{4, 0}))), "critical extension"},
		"name of another":      {tail(named(0xa4, name(0x0c, "Test org", "TSB"))...), "its certificate does not bear"},
		"name without the org": {tail(named(0xa4, element(0x30, element(0x31, element(0x30, oid("2.5.4.3"), element(0x0c, []byte("TSA"))))))...), "does not bear"},
		"host of another":      {tail(named(0x82, []byte("tsb.invalid"))...), "does not bear"},
		"name is no name":      {tail(named(0xa4, []byte{5, 0})...), "does not bear"},
		"two names":            {tail(element(0xa0, element(0x82, []byte("tsa.invalid")), element(0x82, []byte("tsa.invalid")))), "end of tsa"},
		"content type":         {func(p *plan) { p.contentType = oid("1.2.840.113549.1.7.1") }, "where TSTInfo is due"},
		"no SignedData":        {func(p *plan) { p.kind = oid("1.2.840.113549.1.7.3") }, "where SignedData is due"},
		"content-type":         {func(p *plan) { p.attrs["type"] = attribute(oidContentType, oid("1.2.840.113549.1.7.1")) }, "content-type attribute"},
		"no content-type":      {func(p *plan) { p.order = []string{"digest", "cert"} }, "no signed attribute 1.2.840.113549.1.9.3"},
		"no message-digest":    {func(p *plan) { p.order = []string{"type", "cert"} }, "no signed attribute 1.2.840.113549.1.9.4"},
		"no cert attribute":    {func(p *plan) { p.order = []string{"type", "digest"} }, "no signingCertificate"},
		"message-digest":       {func(p *plan) { p.attrs["digest"] = attribute(oidDigest, element(4, theDigest[:])) }, "message-digest attribute is not"},
		"message-digest twice": {func(p *plan) { p.order = append(p.order, "digest") }, "two attributes"},
		"two values":           {func(p *plan) { p.attrs["type"] = attribute(oidContentType, oid(oidTSTInfo), oid(oidTSTInfo)) }, "only value"},
		"no value":             {func(p *plan) { p.attrs["type"] = attribute(oidContentType) }, "content-type"},
		"cert of another":      {func(p *plan) { p.attrs["cert"] = ess(oidSigningV2, other[:]) }, "is the signer's"},
		"one cert of two": {func(p *plan) {
			p.attrs["old"] = ess(oidSigningV1, make([]byte, 20))
			p.order = append(p.order, "old")
		}, "is the signer's"},
		"cert swapped":    {func(p *plan) { p.certs = [][]byte{f.otherCert} }, "is the signer's"},
		"no certificates": {func(p *plan) { p.certs = nil }, "none of its 0"},
		"33 certificates": {func(p *plan) { p.certs = slices.Repeat([][]byte{f.cert.Raw}, 33) }, "more than 32"},
		"sid of another":  {func(p *plan) { p.sid = element(0x30, f.cert.RawIssuer, []byte{2, 1, 78}) }, "is the signer's"},
		"empty key id":    {func(p *plan) { p.sid = element(0x80) }, "is the signer's"},
		"ess hash SHA-1": {func(p *plan) {
			p.attrs["cert"] = ess(oidSigningV2, make([]byte, 20), element(0x30, oid("1.3.14.3.2.26")))
		}, "hash algorithm 1.3.14.3.2.26"},
		"digest SHA-1":       {func(p *plan) { p.digestAlg = element(0x30, oid("1.3.14.3.2.26")) }, "digest algorithm 1.3.14.3.2.26"},
		"digest parameters":  {func(p *plan) { p.digestAlg = element(0x30, oid(oidSHA256), []byte{2, 1, 1}) }, "tag 5"},
		"hashes differ":      {func(p *plan) { p.sigAlg = element(0x30, oid(oidECDSAWithSHA384)) }, "signature algorithm"},
		"algorithm unknown":  {func(p *plan) { p.sigAlg = element(0x30, oid("1.2.840.10045.4.1")) }, "signature algorithm"},
		"RSA on an EC key":   {func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAWithSHA256)) }, "does not hold"},
		"PSS on an EC key":   {func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAPSS), pssParams(oidSHA256, 32)) }, "does not hold"},
		"PSS without params": {func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAPSS)) }, "PSS"},
		"PSS, salt 0":        {func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAPSS), pssParams(oidSHA256, 0)) }, "no salt"},
		"PSS, other hash":    {func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAPSS), pssParams(oidSHA512, 32)) }, "beside SHA-256"},
		"another key": {func(p *plan) {
			p.sign = func(d []byte) []byte { sig, _ := ecdsa.SignASN1(rand.Reader, wrongKey.key, d); return sig }
		}, "does not hold"},
		"no signature": {func(p *plan) { p.sign = func([]byte) []byte { return nil } }, "does not hold"},
		"two signers":  {func(p *plan) { p.moreSigners = 1 }, "only SignerInfo"},
		"no signer":    {func(p *plan) { p.moreSigners = -1 }, "SignerInfo"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Verify(f.token(c.mutate), theDigest, f.roots())
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrMismatch) || got != (Info{}) {
				t.Fatalf("%+v, %v", got, err)
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v: want %q", err, c.text)
			}
		})
	}
	for _, where := range []string{"tst", "signer", "status", "content", "wrap", "encap", "signed", "explicit", "info", "resp"} {
		t.Run("more at the end of "+where, func(t *testing.T) {
			_, err := Verify(f.token(func(p *plan) { p.extra[where] = []byte{5, 0} }), theDigest, f.roots())
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "2 bytes after the end") {
				t.Error(err)
			}
		})
	}
}

func pssParams(hash string, salt byte) []byte {
	alg := element(0x30, oid(hash), []byte{5, 0})
	return element(0x30, element(0xa0, alg), element(0xa1, element(0x30, oid(oidMGF1), alg)), element(0xa2, []byte{2, 1, salt}))
}

// TestWhen: certificates count at the time of the stamp, whatever it is now.
func TestWhen(t *testing.T) {
	f := newForger(t) // its certificates hold from 2020 up to the first second of 2199
	for at, want := range map[string]error{
		"20191231235959Z": ErrUntrusted, "20200101000000Z": nil, "20260101000000Z": nil, "21981231235959Z": nil, "21990101000001Z": ErrUntrusted,
	} {
		token := f.token(func(p *plan) { p.at = element(0x18, []byte(at)) })
		info, err := Verify(token, theDigest, f.roots())
		if !errors.Is(err, want) || info.Trusted != (want == nil) || info.Time.Format("20060102150405Z") != at {
			t.Errorf("%s: %+v, %v, want %v", at, info, err, want)
		}
	}
}

// TestHugeKey: a key that is too long is not tried.
func TestHugeKey(t *testing.T) {
	f := newForger(t)
	for bits, text := range map[uint]string{8192: "does not hold", 8193: "is the signer's", 200_000: "is the signer's"} {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		key := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 1<<31 - 1}
		template := &x509.Certificate{SerialNumber: big.NewInt(77), NotAfter: f.ca.NotAfter}
		cert, err := x509.CreateCertificate(rand.Reader, template, f.ca, key, f.key)
		if err != nil {
			t.Fatal(err)
		}
		hash := sha256.Sum256(cert)
		token := f.token(func(p *plan) {
			p.certs, p.attrs["cert"] = [][]byte{cert}, ess(oidSigningV2, hash[:])
			p.sigAlg, p.sign = element(0x30, oid(oidRSA)), func([]byte) []byte { return make([]byte, (bits+7)/8) }
		})
		if _, err := Verify(token, theDigest, nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), text) {
			t.Errorf("%d bits: %v, want %q", bits, err, text)
		}
	}
}

// TestLongName: the name in a certificate is the attacker's.
func TestLongName(t *testing.T) {
	for in, want := range map[string]string{
		"CN=x":                   "CN=x",
		"a\xffb":                 "a\ufffdb",
		strings.Repeat("ü", 200): strings.Repeat("ü", 200),
		strings.Repeat("ü", 201): strings.Repeat("ü", 197) + "...",
	} {
		if got := bounded(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestCertificates: tokens by openssl whose certificate is not fit for it.
func TestCertificates(t *testing.T) {
	a := newAuthority(t, p256)
	a.certify(t, "ca", "expired", forStamps, -1)
	a.certify(t, "ca", "noeku", "keyUsage=critical,digitalSignature\n", 30)
	a.certify(t, "ca", "mild", "extendedKeyUsage=timeStamping\n", 30)
	a.certify(t, "ca", "busy", "extendedKeyUsage=critical,timeStamping,codeSigning\n", 30)
	a.certify(t, "ca", "odd", "extendedKeyUsage=critical,timeStamping,1.2.3.4\n", 30)
	a.certify(t, "ca", "web", "extendedKeyUsage=critical,serverAuth\n", 30)
	a.certify(t, "ca", "encipher", "extendedKeyUsage=critical,timeStamping\nkeyUsage=digitalSignature,keyEncipherment\n", 30)
	a.certify(t, "ca", "silent", "extendedKeyUsage=critical,timeStamping\n", 30)
	a.certify(t, "ca", "repudiate", "extendedKeyUsage=critical,timeStamping\nkeyUsage=nonRepudiation\n", 30)
	a.run(t, "genpkey "+p256+" -out web-ca.key")
	a.certify(t, "ca", "web-ca", "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth\n", 30)
	a.certify(t, "web-ca", "constrained", forStamps, 30)
	good := a.stamp(t, theDigest, "tsa_name=no") // last: no certificate begins after it
	for name, want := range map[string]error{
		"tsa": nil, "silent": nil, "repudiate": nil, "expired": ErrUntrusted, "noeku": ErrInvalid, "mild": ErrInvalid,
		"busy": ErrInvalid, "odd": ErrInvalid, "web": ErrInvalid, "encipher": ErrInvalid, "constrained": ErrUntrusted,
	} {
		args := "-md sha256 -cades -inkey tsa.key -signer " + name + ".pem"
		if name == "constrained" {
			args += " -certfile web-ca.pem"
		}
		token := a.resign(t, good, args)
		if _, err := Verify(token, theDigest, a.roots(t, "ca.pem")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		// openssl passes over usages without a name, and over the usage of issuers.
		lax := name == "odd" || name == "constrained"
		if ok := a.accepts(t, token, theDigest, "ca.pem"); ok != (want == nil || lax) {
			t.Errorf("%s: openssl accepts: %v, we: %v", name, ok, want)
		}
	}
	// At the time of the stamp counts, not now.
	info, err := Verify(good, theDigest, a.roots(t, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if a.accepts(t, good, theDigest, "ca.pem", "-attime", fmt.Sprint(info.Time.Add(60*24*time.Hour).Unix())) {
		t.Error("openssl does not mind the time")
	}
}

// TestOpenSSLSigns: SignedData by openssl cms, in forms that openssl ts does not write.
func TestOpenSSLSigns(t *testing.T) {
	a := newAuthority(t, rsaKey)
	a.certify(t, "ca", "second", forStamps, 30)
	good := a.stamp(t, theDigest)
	base := "-signer tsa.pem -inkey tsa.key "
	pss := base + "-cades -keyopt rsa_padding_mode:pss "
	for args, text := range map[string]string{
		base + "-cades -md sha256":                                   "",
		base + "-cades -md sha384":                                   "",
		base + "-cades -md sha512":                                   "",
		base + "-cades -md sha256 -keyid":                            "",
		pss + "-md sha256":                                           "",
		pss + "-md sha512 -keyopt rsa_pss_saltlen:-1":                "",
		pss + "-md sha384 -keyopt rsa_pss_saltlen:17":                "",
		pss + "-md sha256 -keyopt rsa_mgf1_md:sha384":                "beside SHA-256",
		pss + "-md sha256 -keyopt rsa_pss_saltlen:0":                 "no salt",
		base + "-cades -md sha1":                                     "digest algorithm 1.3.14.3.2.26",
		base + "-cades -md sha224":                                   "digest algorithm",
		base + "-md sha256":                                          "no signingCertificate attribute",
		base + "-md sha256 -noattr":                                  "signedAttrs",
		base + "-cades -md sha256 -nocerts":                          "none of its 0 certificates",
		base + "-cades -md sha256 -signer second.pem -inkey tsa.key": "only SignerInfo",
	} {
		token := a.resign(t, good, args)
		info, err := Verify(token, theDigest, a.roots(t, "ca.pem"))
		if text == "" && (err != nil || !info.Trusted) {
			t.Errorf("%s: %v", args, err)
		}
		if text != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), text)) {
			t.Errorf("%s: %v, want %q", args, err, text)
		}
		token[len(token)-1] ^= 1 // the signature's last byte
		if _, err := Verify(token, theDigest, nil); !errors.Is(err, ErrInvalid) || text == "" && !strings.Contains(err.Error(), "does not hold") {
			t.Errorf("%s, signature damaged: %v", args, err)
		}
	}
}

// TestFlips damages every byte, cuts everywhere, and looks for a token that still holds and
// says something else.
func TestFlips(t *testing.T) {
	for name, key := range map[string]string{"rsa": rsaKey, "ecdsa": p256} {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t, key)
			token := a.stamp(t, theDigest)
			roots := a.roots(t, "ca.pem")
			want, err := Verify(token, theDigest, roots)
			if err != nil {
				t.Fatal(err)
			}
			accepted := map[int]bool{}
			for i := range token {
				for _, mask := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
					bad := bytes.Clone(token)
					bad[i] ^= mask
					got, err := Verify(bad, theDigest, roots)
					if err != nil {
						continue
					}
					accepted[i] = true
					if got != want {
						t.Errorf("byte %d ^ %#x: %+v, was %+v", i, mask, got, want)
					}
				}
			}
			// Not signed: the status, versions, digestAlgorithms, the NULL of algorithms.
			t.Logf("%d of %d bytes may be damaged: %v", len(accepted), len(token), slices.Sorted(maps.Keys(accepted)))
			if len(accepted) > 30 {
				t.Errorf("%d bytes may be damaged", len(accepted))
			}
			for n := range token {
				if _, err := Verify(token[:n], theDigest, nil); !errors.Is(err, ErrInvalid) {
					t.Fatalf("cut to %d of %d bytes: %v", n, len(token), err)
				}
			}
			for _, tail := range [][]byte{{0}, {5, 0}, token} {
				if _, err := Verify(slices.Concat(token, tail), theDigest, nil); !errors.Is(err, ErrInvalid) {
					t.Errorf("%d bytes more: %v", len(tail), err)
				}
			}
			if _, err := Verify(make([]byte, maxToken+1), theDigest, nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "more than 65536") {
				t.Errorf("too long: %v", err)
			}
			if _, err := Verify(token, theDigest, x509.NewCertPool()); !errors.Is(err, ErrUntrusted) {
				t.Errorf("no root at all: %v", err)
			}
		})
	}
}
