package tsa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// Ask gets a time stamp of digest from the authority at url (http or https; the token is
// signed, so that http is usual). It returns the TimeStampResp in DER as received, and the
// time it states.
//
// The nonce is 63 bits from rand. The answer must come with status 200, as
// application/timestamp-reply, in at most 64 KiB; redirects are not followed. Before it is
// returned it has passed Verify without roots: a token that nobody can verify later is no
// use. The chain to a root is the caller's to check. How long to wait is ctx's matter.
//
// Errors: ErrRefused, ErrMismatch, ErrInvalid, those of the transport and of rand. Their
// texts name the host alone, because paths and queries may hold an account's key.
func Ask(ctx context.Context, client *http.Client, url string, digest [32]byte, rand io.Reader) (token []byte, at time.Time, err error) {
	var seed [8]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, time.Time{}, fmt.Errorf("draw a nonce for a time stamp: %w", err)
	}
	seed[0] &= 0x7f // some authorities keep the nonce in a signed 64-bit integer
	nonce := new(big.Int).SetBytes(seed[:])
	request, err := Request(digest, nonce)
	if err != nil {
		return nil, time.Time{}, err
	}
	host, err := hostOf(url)
	if err != nil {
		return nil, time.Time{}, err
	}
	token, err = post(ctx, client, url, request)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("ask %s for a time stamp: %w", host, withoutURL(err))
	}
	at, err = answers(token, digest, nonce)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the time stamp of %s: %w", host, err)
	}
	return token, at, nil
}

// hostOf is the host of a URL to which a request may go.
func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read the address of the time stamp authority: %w", withoutURL(err))
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("read the address of the time stamp authority: scheme %.40q, host %.200q: an http or https URL is needed", u.Scheme, u.Host)
	}
	return fmt.Sprintf("%.200q", u.Host), nil
}

func post(ctx context.Context, client *http.Client, url string, request []byte) (body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	once := http.Client{}
	if client != nil {
		once = *client // a copy: the caller's client goes on following redirects
	}
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP status %d", ErrInvalid, resp.StatusCode)
	}
	kind := resp.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/timestamp-reply" {
		return nil, fmt.Errorf("%w: an answer of type %.100q", ErrInvalid, kind)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > maxToken {
		return nil, fmt.Errorf("%w: an answer of more than %d bytes", ErrInvalid, maxToken)
	}
	return body, nil
}

// answers checks a token against the request it should answer.
func answers(token []byte, digest [32]byte, nonce *big.Int) (time.Time, error) {
	_, stamp, err := parse(token)
	if err != nil {
		return time.Time{}, err
	}
	if stamp.nonce == nil || stamp.nonce.Cmp(nonce) != 0 {
		return time.Time{}, fmt.Errorf("%w: it carries another nonce, or none", ErrMismatch)
	}
	info, err := Verify(token, digest, nil)
	return info.Time, err
}

// withoutURL drops the address from an error of net/http or net/url.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
