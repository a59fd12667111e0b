# `make` or `make help` lists what there is. Those that build or test set up what they need (hack/setup).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: libcurl, libyaml, pkg-config, jq, openssl, curl, kubectl (Debian packages; asks for nothing)
	@hack/setup

build: setup ## Build everything (debug)
	@swift build

demo: setup ## Run the main job on the embedded devcluster: four API servers, kubectl, the operator (KEEP=1 leaves it running)
	@hack/demo

test: setup ## Run all tests (on real API servers too, where KUBEBUILDER_ASSETS names kube-apiserver and etcd)
	@hack/test

lint: setup ## Check format and house rules
	@hack/lint

format: ## Format the Swift sources
	@swift format format --in-place --parallel --recursive Package.swift Sources Tests

judge: setup ## Compare what kubectl says of devcluster with what it says of a real API server
	@hack/judge

tsan: setup ## Run the tests under ThreadSanitizer
	@hack/test --sanitize=thread --scratch-path .build-tsan

asan: setup ## Run the tests under AddressSanitizer
	@hack/test --sanitize=address --scratch-path .build-asan

bench: setup ## Measure the operator against a bare program that sends the same requests (BENCH="--only cold")
	@hack/bench $(BENCH)

image: setup ## Build the container image as an OCI archive in .build/image (release; ten minutes the first time)
	@hack/image

chart: setup ## Package the Helm charts into .build, with the plain manifests beside them (IMAGE=registry/squadron:tag)
	@IMAGE=$(IMAGE) hack/chart

# The image is that of manifests/kustomization.yaml, unless one is given: then that one line of the manifests is changed.
deploy: ## Apply the manifests to the cluster that kubectl points at (IMAGE=registry/squadron:tag)
ifeq ($(IMAGE),)
	@kubectl apply -k manifests
else
	@kubectl kustomize manifests | sed -E 's|^( +(- )?image:) [^ ]+$$|\1 $(IMAGE)|' | kubectl apply -f -
endif

.PHONY: help setup build demo test lint format judge tsan asan bench image chart deploy
