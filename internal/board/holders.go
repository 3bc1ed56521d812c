package board

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// abreast is how many records are read at a time where many are.
const abreast = 32

// Held is a claim that somebody has.
type Held struct {
	What string
	Holder
}

// Holders are the claims that somebody has, in order: the names are listed once, and of each claim its
// newest record is read.
func (b *Board) Holders(ctx context.Context) ([]Held, error) {
	names, err := b.Names(ctx, "claims/")
	if err != nil {
		return nil, err
	}
	var newest []string // names are in order: of each claim the last one stays
	for _, name := range names {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return nil, fmt.Errorf("claims/%s on the board is none of ours", name)
		}
		if n, err := strconv.Atoi(name[i+1:]); err != nil || n < 1 {
			return nil, fmt.Errorf("claims/%s on the board is none of ours", name)
		}
		if last := len(newest) - 1; last >= 0 && newest[last][:strings.LastIndexByte(newest[last], '/')] == name[:i] {
			newest[last] = name
		} else {
			newest = append(newest, name)
		}
	}
	links, err := All[link](ctx, b, "claims/", newest)
	if err != nil {
		return nil, err
	}
	var out []Held
	for i, l := range links {
		if l.What != released {
			out = append(out, Held{newest[i][:strings.LastIndexByte(newest[i], '/')], Holder{l.Who, l.At, l.silence()}})
		}
	}
	return out, nil
}

// All reads the records of these names, several at a time, in their order.
func All[T any](ctx context.Context, b *Board, prefix string, names []string) ([]T, error) {
	out := make([]T, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for i, name := range names {
		g.Go(func() error { return b.Get(ctx, prefix+name, &out[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}
