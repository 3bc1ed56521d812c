package collect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const (
	maxFilterValues = 200    // of one filter: EC2 takes no more
	maxDescribed    = 10_000 // of one kind of resource
)

// described is a listing of EC2 by filters, not by ids: one id that is gone makes EC2 refuse
// the whole list of them.
type described[I, O, E any] struct {
	call   func(context.Context, *I, ...func(*ec2.Options)) (*O, error)
	in     func(filters []ec2types.Filter, token *string) *I
	token  func(*O) *string
	items  func(*O) []E
	member string // of the document
	none   string // the note where there is none

	by     string            // the filter whose values are many
	values []string          // of it
	also   []ec2types.Filter // further filters
}

// get asks with so many values at a time as EC2 takes, and all pages for each.
func (d described[I, O, E]) get(ctx context.Context, j *Job, w want) ([]E, bool) {
	w.params = map[string]string{d.by: strings.Join(d.values, ",")}
	for _, f := range d.also {
		w.params[aws.ToString(f.Name)] = strings.Join(f.Values, ",")
	}
	parts, at := slices.Collect(slices.Chunk(d.values, maxFilterValues)), 0
	in := func(token *string) *I {
		return d.in(append([]ec2types.Filter{filter(d.by, parts[at]...)}, d.also...), token)
	}
	return gathered[I, O, ec2.Options, E]{
		pager: pager[I, O, ec2.Options]{
			call: d.call, in: in(nil),
			next: func(next *I, out *O) string {
				token := aws.ToString(d.token(out))
				switch {
				case token != "":
					*next = *in(&token)
				case at+1 < len(parts):
					at++
					*next = *in(nil)
					token = fmt.Sprint("values from part ", at)
				}
				return token
			},
		},
		member: d.member, items: d.items, none: d.none, most: maxDescribed,
	}.get(ctx, j, w)
}

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: aws.String(name), Values: values}
}

// without are the names that nothing was found for.
func without[E any](names []string, found []E, name func(E) *string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return slices.ContainsFunc(found, func(e E) bool { return aws.ToString(name(e)) == n })
	})
}

// addOnce appends what is not there yet.
func addOnce(list []string, more ...string) []string {
	for _, m := range more {
		if m != "" && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}
