#!/usr/bin/env python3
"""Runs the requests of steps.json against a real API server and writes its answers to answers.json.

usage: record.py https://127.0.0.1:6443 TOKEN CA-FILE
Use a fresh kube-apiserver without controllers: the steps create a namespace, a CRD and more, and leave them.
"""
import json, os, ssl, sys, time, urllib.request

server, token, ca = sys.argv[1:4]
here = os.path.dirname(os.path.abspath(__file__))
context = ssl.create_default_context(cafile=ca)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
answers = []
for step in json.load(open(here + "/steps.json")):
    if "request" not in step:
        continue
    method, path = step["request"].split(" ", 1)
    body = step.get("body")
    data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    request = urllib.request.Request(server + path, data=data, method=method)
    request.add_header("Authorization", "Bearer " + token)
    request.add_header("User-Agent", "contract/1.0")
    request.add_header("Content-Type", step.get("type", "application/json"))
    request.add_header("Accept", step.get("accept", "application/json"))
    try:
        response = opener.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    text = response.read().decode()
    try:
        answer = [json.loads(line) for line in text.splitlines()] if "watch=1" in path and response.status == 200 else json.loads(text)
    except ValueError:
        answer = text
    answers.append({"request": step["request"], "status": response.status,
                    "warnings": response.headers.get_all("Warning") or [], "body": answer})
    time.sleep(step.get("pause", 0))
json.dump(answers, open(here + "/answers.json", "w"), indent=1, sort_keys=True)
