module github.com/freezeframe-ir/freezeframe/test/conformance

go 1.26
